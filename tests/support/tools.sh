# What the scripts in tests/tools share; they source it. A script prints "ok: ..." for each thing
# that it verified, and fails at the first that is wrong. What it starts ends with it.
set -eu
examples=${BUILD:-build}/examples
dir=$(mktemp -d)
pids=

finish() {
    status=$?
    trap - EXIT
    if [ "$status" -ne 0 ]; then
        echo "FAILED with status $status; the programs said:"
        tail -n 10 "$dir"/*.log 2> /dev/null || :
    fi
    kill $pids 2> /dev/null || :
    kill -CONT $pids 2> /dev/null || :
    wait
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' HUP INT PIPE TERM

ok() {
    echo "ok: $*"
}
fail() {
    echo "wrong: $*"
    exit 1
}
have() { # have TOOL
    command -v "$1" > /dev/null || { echo "skipped: $1 is not installed"; return 1; }
}

# await COMMAND...: until it succeeds. Half a minute is for what never comes.
await() {
    tries=0
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || fail "waited in vain for: $*"
        sleep 0.05
    done
}
hears() { # hears NAME LINE: the whole line
    grep -qxF -e "$2" "$dir/$1.log"
}
says() { # says NAME TEXT: has the program said it?
    grep -qF -e "$2" "$dir/$1.log"
}
listens() { # listens PORT: does somebody? Without connecting, which some servers would count.
    grep -q ":$(printf %04X "$1") 00000000:0000 0A " /proc/net/tcp
}
same() { # same FILE FILE
    cmp "$1" "$2" || fail "$1 and $2 differ"
}
random() { # random BYTES FILE
    head -c "$1" /dev/urandom > "$2"
}

# start NAME COMMAND...: in the background; what it prints is in $dir/NAME.log. Sets pid.
start() {
    log=$dir/$1.log
    rm -f "$log" # what an earlier one said
    shift
    "$@" > "$log" 2>&1 3>&- 4>&- 5>&- & # these a script writes to: only it may hold them open
    pid=$!
    pids="$pids $pid"
}
# The same with a program that says where it listens. Sets pid, endpoint, host and port.
serve() {
    name=$1
    start "$@"
    await says "$name" 'listening at '
    endpoint=$(sed -n 's/^listening at //p' "$dir/$name.log")
    host=${endpoint%:*} port=${endpoint##*:}
}
# stop PID SIGNAL: ends a program, and waits for its end. Its exit status must be 0.
stop() {
    kill -"$2" "$1"
    wait "$1" || fail "exit status $? after SIG$2"
}
# Sets port, for a server that cannot choose one and say so.
free_port() {
    serve port "$examples/proxy" 127.0.0.1:0 127.0.0.1:1
    stop "$pid" TERM
}
