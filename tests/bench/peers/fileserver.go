// The files of a folder, by net/http: fileserver --port PORT FOLDER.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

func main() {
	port := flag.Int("port", 0, "0: any")
	flag.Parse()
	if threads, err := strconv.Atoi(os.Getenv("THREADS")); err == nil {
		runtime.GOMAXPROCS(threads)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err == nil {
		fmt.Println(listener.Addr())
		err = http.Serve(listener, http.FileServer(http.Dir(flag.Arg(0))))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
