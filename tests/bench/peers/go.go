// Go: goroutines, on so many processors as THREADS says. Main keeps a thread of its own where a
// plain thread is wanted.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	_ "unsafe" // for linkname
)

const batch = 100

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The clock of the other programs, without what time.Now looks up besides.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

type span struct{ wall, cpu int64 }

func start() span {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return span{nanotime(), used.Utime.Nano() + used.Stime.Nano()}
}

func since(s span) span {
	now := start()
	return span{now.wall - s.wall, now.cpu - s.cpu}
}

func report(label string, value float64, unit string) {
	digits := 2
	if value >= 1000 {
		digits = 0
	}
	fmt.Printf(" %s %.*f %s", label, digits, value, unit)
}

func reportEach(s span, count int) {
	report("wall", float64(s.wall)/float64(count), "ns")
	report("cpu", float64(s.cpu)/float64(count), "ns")
}

func reportTimes(times []int64) {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	n := len(times)
	report("p50", float64(times[n/2])/1000, "us")
	report("p99", float64(times[n*99/100])/1000, "us")
	report("max", float64(times[n-1])/1000, "us")
}

var random uint64 = 88172645463325252

func randomDeadline() int64 {
	random ^= random << 13
	random ^= random >> 7
	random ^= random << 17
	return nanotime() + int64(random%1e9)
}

// As a plain thread does it.
func pause(ns int64) {
	time := syscall.NsecToTimespec(ns)
	syscall.Nanosleep(&time, nil)
}

func spawnAndJoin() {
	done := make(chan struct{})
	go close(done)
	<-done
}

func joinMain(count int) {
	runtime.LockOSThread()
	join(count)
}

func joinMainCold(count int) {
	runtime.LockOSThread()
	times := make([]int64, count)
	for i := range times {
		pause(2e6)
		begin := nanotime()
		spawnAndJoin()
		times[i] = nanotime() - begin
	}
	reportTimes(times)
}

func join(count int) {
	for i := 0; i < 1000; i++ {
		spawnAndJoin()
	}
	s := start()
	for i := 0; i < count; i++ {
		spawnAndJoin()
	}
	reportEach(since(s), count)
}

func few(count int) {
	var group sync.WaitGroup
	s := start()
	for i := 0; i < count; i += batch {
		group.Add(batch)
		for j := 0; j < batch; j++ {
			go group.Done()
		}
		group.Wait()
	}
	reportEach(since(s), count)
}

func all(count int) {
	var group sync.WaitGroup
	s := start()
	group.Add(count)
	for i := 0; i < count; i++ {
		go group.Done()
	}
	group.Wait()
	reportEach(since(s), count)
}

func runTeam(members, count int, turn func()) {
	var group sync.WaitGroup
	turns := (count + members - 1) / members
	s := start()
	group.Add(members)
	for i := 0; i < members; i++ {
		go func() {
			for i := 0; i < turns; i++ {
				turn()
			}
			group.Done()
		}()
	}
	group.Wait()
	reportEach(since(s), turns*members)
}

func yield2(count int)    { runTeam(2, count, runtime.Gosched) }
func yield1000(count int) { runTeam(1000, count, runtime.Gosched) }

func mutex100(count int) {
	var mutex sync.Mutex
	runTeam(100, count, func() {
		mutex.Lock()
		runtime.Gosched()
		mutex.Unlock()
	})
}

func through(size, count int) {
	channel := make(chan int, size)
	s := start()
	go func() {
		for i := 0; i < count; i++ {
			channel <- i
		}
	}()
	for i := 0; i < count; i++ {
		<-channel
	}
	reportEach(since(s), count)
}

func channel0(count int)    { through(0, count) }
func channel1024(count int) { through(1024, count) }

func residentAndTables() (int64, int64) {
	var pages, tables int64
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	fmt.Sscanf(string(text), "%d %d", &pages, &pages)
	text, err = os.ReadFile("/proc/self/status")
	check(err)
	_, rest, _ := strings.Cut(string(text), "VmPTE:")
	fmt.Sscanf(rest, "%d", &tables)
	return pages * int64(os.Getpagesize()), tables * 1024
}

func park(count int) {
	var parked sync.WaitGroup
	gate := make(chan struct{})
	parked.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			parked.Done()
			<-gate
		}()
	}
	parked.Wait()
	time.Sleep(10 * time.Millisecond)
}

func parked(count int) {
	park(1)
	resident, tables := residentAndTables()
	park(count)
	now, nowTables := residentAndTables()
	report("resident", float64(now-resident)/float64(count), "B")
	report("page_tables", float64(nowTables-tables)/float64(count), "B")
}

func sleepUntil(deadline int64) int64 {
	time.Sleep(time.Duration(deadline - nanotime()))
	return nanotime() - deadline
}

func sleepers(count int) {
	var group sync.WaitGroup
	late := make([]int64, count)
	group.Add(count)
	s := start()
	for i := range late {
		deadline, slot := randomDeadline(), &late[i]
		go func() {
			*slot = sleepUntil(deadline)
			group.Done()
		}()
		if (i+1)%batch == 0 {
			runtime.Gosched()
		}
	}
	group.Wait()
	s = since(s)
	report("cpu", float64(s.cpu)/1e9, "s")
	report("wall", float64(s.wall)/1e9, "s")
	reportTimes(late)
}

func sleep1ms(count int) {
	late := make([]int64, count)
	s := start()
	for i := range late {
		late[i] = sleepUntil(nanotime() + 1e6)
	}
	s = since(s)
	reportTimes(late)
	report("cpu", float64(s.cpu)/float64(count)/1000, "us")
}

// Main looks for the answer as plain threads do, on a thread of its own. With one processor that
// would keep the goroutine from running, so there main waits until it is told.
func wakeAfter(ns int64, count int) {
	runtime.LockOSThread()
	bell, told := make(chan struct{}, 1), make(chan struct{}, 1)
	var seen, at int64
	spin := runtime.GOMAXPROCS(0) > 1
	go func() {
		for range bell {
			at = nanotime()
			atomic.AddInt64(&seen, 1)
			if !spin {
				told <- struct{}{}
			}
		}
	}()
	times := make([]int64, count)
	for i := range times {
		if ns > 0 {
			pause(ns)
		}
		begin := nanotime()
		bell <- struct{}{}
		if spin {
			for j := 1; atomic.LoadInt64(&seen) <= int64(i); j++ {
				if j%10000 == 0 {
					runtime.Gosched()
				}
			}
		} else {
			<-told
		}
		times[i] = at - begin
	}
	reportTimes(times)
}

func wakeHot(count int)  { wakeAfter(0, count) }
func wakeCold(count int) { wakeAfter(2e6, count) }

func printPort(addr net.Addr) {
	_, port, _ := net.SplitHostPort(addr.String())
	fmt.Printf(" port %s\n", port)
}

func converse(connection net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			break
		}
		if _, err = connection.Write(buffer[:n]); err != nil {
			break
		}
	}
	connection.Close()
}

func tcp(int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	printPort(listener.Addr())
	for {
		connection, err := listener.Accept()
		check(err)
		go converse(connection)
	}
}

func udp(int) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(err)
	printPort(socket.LocalAddr())
	buffer := make([]byte, 4096)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		check(err)
		_, err = socket.WriteToUDPAddrPort(buffer[:n], from)
		check(err)
	}
}

func main() {
	workloads := map[string]func(int){
		"join_main_hot": joinMain, "join_main_cold": joinMainCold, "join": join, "few": few,
		"all": all, "yield_2": yield2, "yield_1000": yield1000, "mutex_100": mutex100,
		"channel_0": channel0, "channel_1024": channel1024, "parked": parked,
		"sleepers": sleepers, "sleep_1ms": sleep1ms, "wake_hot": wakeHot, "wake_cold": wakeCold,
		"tcp": tcp, "udp": udp,
	}
	count := 0
	if len(os.Args) == 3 {
		count, _ = strconv.Atoi(os.Args[2])
	}
	if count <= 0 || workloads[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go WORKLOAD COUNT, THREADS in the environment")
		os.Exit(1)
	}
	if threads, err := strconv.Atoi(os.Getenv("THREADS")); err == nil {
		runtime.GOMAXPROCS(threads)
	}
	fmt.Print(os.Args[1])
	workloads[os.Args[1]](count)
	fmt.Println()
}
