//! tokio, on so many threads as THREADS says: 1 is the current-thread runtime, which main runs or,
//! where main is to be a plain thread, another one. Its smallest channel holds one message, which
//! stands in for a rendezvous.

use std::future::{pending, Future};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{env, fs, io, mem, process, thread};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, Notify};
use tokio::task::yield_now;

const BATCH: usize = 100;
const BUFFER: usize = 4096;
const MS: Duration = Duration::from_millis(1);

fn threads() -> usize {
    env::var("THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn runtime() -> Runtime {
    match threads() {
        1 => Builder::new_current_thread().enable_all().build(),
        n => Builder::new_multi_thread().worker_threads(n).enable_all().build(),
    }
    .unwrap()
}

/// In a task of its own.
fn inside<F: Future<Output = ()> + Send + 'static>(work: F) {
    runtime().block_on(async { tokio::spawn(work).await.unwrap() })
}

/// A runtime that others run.
fn outside() -> Handle {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(pending::<()>()));
    handle
}

struct Span {
    wall: Instant,
    cpu: Duration,
}

fn cpu() -> Duration {
    let mut used: libc::rusage = unsafe { mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut used) };
    let of = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64)
    };
    of(used.ru_utime) + of(used.ru_stime)
}

impl Span {
    fn start() -> Span {
        Span { wall: Instant::now(), cpu: cpu() }
    }

    fn end(&self) -> (Duration, Duration) {
        (self.wall.elapsed(), cpu() - self.cpu)
    }

    fn report_each(&self, count: usize) {
        let (wall, cpu) = self.end();
        report("wall", wall.as_nanos() as f64 / count as f64, "ns");
        report("cpu", cpu.as_nanos() as f64 / count as f64, "ns");
    }
}

fn report(label: &str, value: f64, unit: &str) {
    let digits = if value < 1000.0 { 2 } else { 0 };
    print!(" {} {:.*} {}", label, digits, value, unit);
}

fn report_times(mut times: Vec<i64>) {
    times.sort_unstable();
    let us = |i: usize| times[i] as f64 / 1000.0;
    report("p50", us(times.len() / 2), "us");
    report("p99", us(times.len() * 99 / 100), "us");
    report("max", us(times.len() - 1), "us");
}

fn late(deadline: Instant) -> i64 {
    let now = Instant::now();
    now.saturating_duration_since(deadline).as_nanos() as i64
        - deadline.saturating_duration_since(now).as_nanos() as i64
}

/// Up to a second, the same as in the other programs.
fn random(x: &mut u64) -> Duration {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    Duration::from_nanos(*x % 1_000_000_000)
}

// Tasks that end at once.

fn join_main_hot(count: usize) {
    let handle = outside();
    let round = || handle.block_on(handle.spawn(async {})).unwrap();
    (0..1000).for_each(|_| round());
    let span = Span::start();
    (0..count).for_each(|_| round());
    span.report_each(count);
}

fn join_main_cold(count: usize) {
    let handle = outside();
    let round = || {
        thread::sleep(2 * MS);
        let start = Instant::now();
        handle.block_on(handle.spawn(async {})).unwrap();
        late(start)
    };
    report_times((0..count).map(|_| round()).collect());
}

fn join(count: usize) {
    inside(async move {
        let span = Span::start();
        for _ in 0..count {
            tokio::spawn(async {}).await.unwrap();
        }
        span.report_each(count);
    })
}

static ENDED: AtomicUsize = AtomicUsize::new(0);

fn few(count: usize) {
    inside(async move {
        let span = Span::start();
        for i in 1..=count {
            tokio::spawn(async {
                ENDED.fetch_add(1, Ordering::Relaxed);
            });
            while i % BATCH == 0 && ENDED.load(Ordering::Relaxed) < i {
                yield_now().await;
            }
        }
        span.report_each(count);
    })
}

fn all(count: usize) {
    inside(async move {
        let span = Span::start();
        let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(async {})).collect();
        for task in tasks {
            task.await.unwrap();
        }
        span.report_each(count);
    })
}

/// So many tasks, each takes so many turns.
async fn run_team<F, T>(members: usize, count: usize, member: F)
where
    F: Fn(usize) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let turns = (count + members - 1) / members;
    let span = Span::start();
    let tasks: Vec<_> = (0..members).map(|_| tokio::spawn(member(turns))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    span.report_each(turns * members);
}

fn yield_among(members: usize, count: usize) {
    inside(run_team(members, count, |turns| async move {
        for _ in 0..turns {
            yield_now().await;
        }
    }))
}

fn mutex_100(count: usize) {
    let mutex = Arc::new(tokio::sync::Mutex::new(()));
    inside(run_team(100, count, move |turns| {
        let mutex = mutex.clone();
        async move {
            for _ in 0..turns {
                let _guard = mutex.lock().await;
                yield_now().await;
            }
        }
    }))
}

fn through(size: usize, count: usize) {
    inside(async move {
        let (sender, mut receiver) = mpsc::channel(size);
        let span = Span::start();
        let task = tokio::spawn(async move {
            for i in 0..count {
                sender.send(i).await.unwrap();
            }
        });
        for _ in 0..count {
            receiver.recv().await.unwrap();
        }
        task.await.unwrap();
        span.report_each(count);
    })
}

// What a task keeps.

fn resident_and_tables() -> (usize, usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPTE:")).unwrap();
    let tables: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (pages * 4096, tables * 1024)
}

async fn park(count: usize) {
    let wanted = ENDED.load(Ordering::Relaxed) + count;
    for _ in 0..count {
        tokio::spawn(async {
            ENDED.fetch_add(1, Ordering::Relaxed);
            pending::<()>().await
        });
    }
    while ENDED.load(Ordering::Relaxed) < wanted {
        yield_now().await;
    }
}

fn parked(count: usize) {
    inside(async move {
        park(1).await;
        let (resident, tables) = resident_and_tables();
        park(count).await;
        let now = resident_and_tables();
        report("resident", (now.0 - resident) as f64 / count as f64, "B");
        report("page_tables", (now.1 - tables) as f64 / count as f64, "B");
    })
}

// Time.

fn sleepers(count: usize) {
    let slots: Vec<AtomicI64> = (0..count).map(|_| AtomicI64::new(0)).collect();
    let slots: &'static [AtomicI64] = Box::leak(slots.into_boxed_slice());
    let done = Arc::new(Notify::new());
    inside(async move {
        let span = Span::start();
        let mut seed = 88172645463325252;
        for (i, slot) in slots.iter().enumerate() {
            let deadline = Instant::now() + random(&mut seed);
            let done = done.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(deadline.into()).await;
                slot.store(late(deadline), Ordering::Relaxed);
                if ENDED.fetch_add(1, Ordering::AcqRel) + 1 == count {
                    done.notify_one();
                }
            });
            if (i + 1) % BATCH == 0 {
                yield_now().await;
            }
        }
        done.notified().await;
        let (wall, cpu) = span.end();
        report("cpu", cpu.as_secs_f64(), "s");
        report("wall", wall.as_secs_f64(), "s");
        report_times(slots.iter().map(|slot| slot.load(Ordering::Relaxed)).collect());
    })
}

fn sleep_1ms(count: usize) {
    inside(async move {
        let span = Span::start();
        let mut times = Vec::new();
        for _ in 0..count {
            let deadline = Instant::now() + MS;
            tokio::time::sleep_until(deadline.into()).await;
            times.push(late(deadline));
        }
        let (_, cpu) = span.end();
        report_times(times);
        report("cpu", cpu.as_nanos() as f64 / count as f64 / 1000.0, "us");
    })
}

// Woken from outside.

#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
    seen: AtomicUsize,
    took: AtomicI64, // written before seen
}

struct Rung<'a>(&'a Bell);

impl Future for Rung<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.waker.lock().unwrap().get_or_insert_with(|| cx.waker().clone());
        match self.0.rung.swap(false, Ordering::SeqCst) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

async fn answer(bell: Arc<Bell>, first: Instant) {
    loop {
        Rung(&bell).await;
        bell.took.store(late(first), Ordering::Relaxed);
        bell.seen.fetch_add(1, Ordering::Release);
    }
}

fn wake_after(pause: Duration, count: usize) {
    let bell = Arc::new(Bell::default());
    let first = Instant::now();
    outside().spawn(answer(bell.clone(), first));
    while bell.waker.lock().unwrap().is_none() {
        thread::yield_now();
    }
    let waker = bell.waker.lock().unwrap().clone().unwrap();
    let mut times = Vec::new();
    for i in 0..count {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let start = late(first);
        bell.rung.store(true, Ordering::SeqCst);
        waker.wake_by_ref();
        let mut looks = 0;
        while bell.seen.load(Ordering::Acquire) <= i {
            looks += 1;
            if looks % 10000 == 0 {
                thread::yield_now();
            }
        }
        times.push(bell.took.load(Ordering::Relaxed) - start);
    }
    report_times(times);
}

// Echo.

async fn converse(mut connection: TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        match connection.read(&mut buffer).await? {
            0 => return Ok(()),
            n => connection.write_all(&buffer[..n]).await?,
        }
    }
}

async fn serve_tcp() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!(" port {}", listener.local_addr()?.port());
    loop {
        tokio::spawn(converse(listener.accept().await?.0));
    }
}

async fn serve_udp() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let mut buffer = [0; BUFFER];
    println!(" port {}", socket.local_addr()?.port());
    loop {
        let (n, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..n], from).await?;
    }
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let count = args.get(2).and_then(|n| n.parse().ok()).unwrap_or(0);
    print!("{}", args[1]);
    match args[1].as_str() {
        "join_main_hot" => join_main_hot(count),
        "join_main_cold" => join_main_cold(count),
        "join" => join(count),
        "few" => few(count),
        "all" => all(count),
        "yield_2" => yield_among(2, count),
        "yield_1000" => yield_among(1000, count),
        "channel_0" => through(1, count),
        "channel_1024" => through(1024, count),
        "mutex_100" => mutex_100(count),
        "parked" => parked(count),
        "sleepers" => sleepers(count),
        "sleep_1ms" => sleep_1ms(count),
        "wake_hot" => wake_after(Duration::ZERO, count),
        "wake_cold" => wake_after(2 * MS, count),
        "tcp" => inside(async { serve_tcp().await.unwrap() }),
        "udp" => inside(async { serve_udp().await.unwrap() }),
        _ => process::exit(1),
    }
    println!();
    process::exit(0) // without waiting for threads of a runtime
}
