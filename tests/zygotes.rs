//! Zygotes, driven as a supervisor drives them: by fork, by this program, and with foreign threads about.
//!
//! Has a main of its own, as the first tests need a process with one thread, and the spawned ones run this program.
#![cfg(not(loom))]
#![allow(clippy::undocumented_unsafe_blocks)]

use cfutures::error::cf_error;
use cfutures::processes::arena::Arena;
use cfutures::processes::layout::MAGIC;
use cfutures::processes::messages::Message;
use cfutures::processes::program::Call;
use cfutures::processes::service::{self, Awake};
use cfutures::processes::start::{worker_main, Method};
use cfutures::processes::zygotes::{Event, Health, Zygotes};
use cfutures::status::Status;
use cfutures::sys::{eventfd::EventFd, fd::Fd, memfd::Memfd, pidfd, poll, process};
use core::ptr::NonNull;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

mod watchdog;

/// In seconds. All of it takes a few.
const PATIENCE: u32 = 300;

struct Worker {
    pid: i32,
    pidfd: Option<Fd>,
    status: Option<i32>,
}

/// The shared memory, for as long as the pool's processes are about.
struct Memory(NonNull<Arena>);

impl core::ops::Deref for Memory {
    type Target = Arena;
    fn deref(&self) -> &Arena {
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        unsafe { Arena::release(self.0.as_ptr()) };
    }
}

fn arena() -> Memory {
    let memory = Memory(Arena::new(None).ok().expect("an arena"));
    // By this an exec'd zygote knows the layout; the pool writes it.
    unsafe { memory.base().cast::<u64>().write(MAGIC) };
    memory
}

/// A small supervisor: keeps what it hears.
struct Host {
    zygotes: Zygotes,
    workers: HashMap<(u16, u32), Worker>,
    refused: usize,
    _arena: Memory,
    _bell: EventFd,
}

impl Host {
    fn new(method: Method) -> Host {
        let (arena, bell) = (arena(), EventFd::new().unwrap());
        let zygotes = Zygotes::start(method, None, &arena, bell.raw()).unwrap_or_else(|failure| {
            panic!("{:?}: {:?}", failure.status, unsafe { (*failure.error).message() });
        });
        assert!(zygotes.tell_terms().is_ok());
        Host { zygotes, workers: HashMap::new(), refused: 0, _arena: arena, _bell: bell }
    }

    /// Listens until the condition holds; the worst health that was met.
    fn until(&mut self, what: &str, holds: impl Fn(&Host) -> bool) -> Health {
        let end = Instant::now() + Duration::from_secs(60);
        let mut health = Health::Fine;
        while !holds(self) {
            if Instant::now() >= end {
                watchdog::show_stacks();
                panic!("{what} did not come to pass");
            }
            let mut fds = self.zygotes.poll_fds().map(|fd| poll::entry(fd, poll::POLLIN));
            poll::wait(&mut fds, 50);
            let mut events = Vec::new();
            self.zygotes.receive(&mut |event| events.push(event));
            let now = self.zygotes.check(&mut |event| events.push(event));
            health = if now == Health::Fine { health } else { now };
            events.into_iter().for_each(|event| self.hear(event));
            if health == Health::Gone {
                break;
            }
        }
        health
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Born { worker, incarnation, pid, pidfd } => {
                self.workers.insert((worker, incarnation), Worker { pid, pidfd, status: None });
            }
            Event::Refused { .. } => self.refused += 1,
            Event::Exited { pid, status } => {
                self.workers.values_mut().filter(|w| w.pid == pid).for_each(|w| w.status = Some(status))
            }
        }
    }

    fn ask(&mut self, count: u16, incarnation: u32) {
        (0..count).for_each(|worker| self.zygotes.ask(worker, incarnation).unwrap());
        self.until("all births", |h| (0..count).all(|w| h.workers.contains_key(&(w, incarnation))));
    }

    fn with_standby(mut self) -> Host {
        self.until("a standby", |h| h.zygotes.pids()[1] != 0);
        self
    }

    fn pids(&self) -> Vec<i32> {
        self.workers.values().map(|w| w.pid).chain(self.zygotes.pids()).filter(|pid| *pid != 0).collect()
    }

    /// Ends the pool: nothing is left of it.
    fn end(self) {
        let pids = self.pids();
        self.zygotes.end();
        pids.into_iter().for_each(|pid| assert!(is_over(pid), "process {pid} is left"));
    }
}

/// It has ended, or does so soon; whoever is its parent now may take his time to wait for it.
fn is_over(pid: i32) -> bool {
    let runs = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    };
    (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        !runs()
    })
}

fn kill(pid: i32) {
    process::signal_child(pid, libc::SIGKILL).unwrap();
}

fn workers_live_and_die(method: Method) {
    let mut host = Host::new(method).with_standby();
    host.ask(3, 1);
    let victim = &host.workers[&(1, 1)];
    assert_eq!(comm(host.zygotes.pids()[0]), "cf-zygote");
    assert_eq!(std::fs::read_link(format!("/proc/{}/fd/0", victim.pid)).unwrap().to_str(), Some("/dev/null"));
    host.zygotes.signal(victim.pid, victim.pidfd.as_ref(), libc::SIGSEGV).unwrap();
    host.until("the death", |h| h.workers[&(1, 1)].status.is_some());
    let victim = &host.workers[&(1, 1)];
    assert_eq!(victim.status.map(|s| s & 0x7f), Some(libc::SIGSEGV));
    assert!(victim.pidfd.as_ref().is_none_or(pidfd::is_dead));
    let victim = victim.pid;
    // Signals by way of the zygote reach its own children only.
    host.zygotes.signal(1, None, libc::SIGKILL).unwrap();
    let second = host.workers[&(2, 1)].pid;
    host.zygotes.signal(second, None, libc::SIGTERM).unwrap();
    host.until("the second death", |h| h.workers[&(2, 1)].status == Some(libc::SIGTERM));
    assert!(is_over(victim));
    host.ask(3, 2);
    host.end();
}

fn a_standby_takes_over(method: Method) {
    let mut host = Host::new(method).with_standby();
    host.ask(2, 1);
    for incarnation in 2..6 {
        let [active, standby] = host.zygotes.pids();
        let old: Vec<i32> = host.workers.values().map(|w| w.pid).collect();
        kill(active);
        assert_eq!(host.until("the change", |h| h.zygotes.pids()[0] == standby), Health::Replaced);
        assert!(old.into_iter().all(is_over), "orphans are killed");
        host.workers.clear();
        host.ask(2, incarnation);
        host = host.with_standby();
    }
    let standby = host.zygotes.pids()[1];
    kill(standby);
    host.until("another standby", |h| ![0, standby].contains(&h.zygotes.pids()[1]));
    let [active, standby] = host.zygotes.pids();
    kill(standby);
    kill(active);
    assert_eq!(host.until("the end", |_| false), Health::Gone);
    assert_eq!(host.zygotes.ask(0, 9), Err(libc::ESRCH));
    host.end();
}

fn many_requests_wait_their_turn(method: Method) {
    let mut host = Host::new(method);
    host.ask(700, 1);
    assert_eq!(host.refused, 0);
    host.end();
}

fn refusal(program: &CStr) -> (Status, String) {
    let (arena, bell) = (arena(), EventFd::new().unwrap());
    let failure = Zygotes::start(Method::Spawn, Some(program), &arena, bell.raw()).err().unwrap();
    let text = unsafe { (*failure.error).message() }.to_string_lossy().into_owned();
    unsafe { cf_error::free(failure.error) };
    (failure.status, text)
}

fn unfit_programs_are_refused() {
    assert_eq!(refusal(c"/no/such/program").0, Status::CF_UNSUPPORTED);
    let (status, text) = refusal(c"/bin/true");
    assert!(status == Status::CF_OS_ERROR && text.contains("cf_worker_main()"), "{text}");
    let garbage = format!("{}/cfutures-garbage-{}", std::env::temp_dir().display(), process::id());
    std::fs::write(&garbage, "this is no program").unwrap();
    std::fs::set_permissions(&garbage, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let (status, text) = refusal(&CString::new(garbage.clone()).unwrap());
    std::fs::remove_file(garbage).unwrap();
    assert!(status == Status::CF_OS_ERROR && text.contains("errno 8"), "{text}");
}

/// A pool that is made while another one stands gets none of its descriptors.
fn pools_keep_their_descriptors_apart() {
    let (first, second) = (Host::new(Method::Fork).with_standby(), Host::new(Method::Fork).with_standby());
    let control = std::fs::read_link(format!("/proc/self/fd/{}", first.zygotes.poll_fds()[0])).unwrap();
    let holds = |pid| {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .any(|entry| std::fs::read_link(entry.unwrap().path()).is_ok_and(|link| link == control))
    };
    assert!(holds(process::id()) && second.zygotes.pids().into_iter().all(|pid| !holds(pid)));
    assert!(first.zygotes.pids().into_iter().all(|pid| !holds(pid)));
    first.end();
    second.end();
}

/// Neither waitpid(-1) nor a signal tells the host of the library's processes.
fn the_host_sees_nothing() {
    let none = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    assert_eq!((none, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ECHILD)));
    unsafe {
        let mut pending = std::mem::zeroed();
        libc::sigpending(&mut pending);
        assert_eq!(libc::sigismember(&pending, libc::SIGCHLD), 0);
    }
}

fn comm(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim().to_string()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Pools while a service thread sleeps, is awake, or runs the program's code.
fn service_threads_do_not_hinder_a_fork() {
    let (go, done) = (std::sync::mpsc::channel::<u32>(), std::sync::mpsc::channel());
    let thread = std::thread::spawn(move || {
        let _thread = service::begin_thread();
        done.0.send(0).unwrap();
        for order in go.1 {
            let awake = Awake::enter();
            if order == 1 {
                drop(awake.foreign(|| std::thread::sleep(Duration::from_millis(200))));
            }
        }
    });
    done.1.recv().unwrap();
    // The channel of std allocates when it sleeps for the first time: let it.
    std::thread::sleep(Duration::from_millis(20));
    assert!(service::hold().is_some());
    go.0.send(0).unwrap();
    workers_live_and_die(Method::Auto);
    the_host_sees_nothing();
    go.0.send(1).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert!(service::hold().is_none());
    drop(go.0);
    thread.join().unwrap();
    assert!(service::hold().is_some());
}

/// Takes the place of the host's memory in the first two attempts of a worker program.
fn be_in_the_way() {
    let (Ok(value), Ok(_)) = (std::env::var("CFUTURES_WORKER"), std::env::var("TEST_IN_THE_WAY")) else {
        return;
    };
    let call = Call::parse(&CString::new(value).unwrap()).unwrap();
    if call.attempt < 2 {
        assert!(poll::readable(call.socket, 5000));
        let (message, _) = Message::peek(call.socket).ok().unwrap();
        let memory = Memfd::new(c"taken").unwrap();
        memory.map_at(message.base as usize + (1 << 20), 4096).unwrap();
    }
}

fn main() {
    be_in_the_way();
    let _ = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    worker_main();
    watchdog::start(PATIENCE);
    // A stranger's variable makes nobody a worker.
    std::env::set_var("CFUTURES_WORKER", "201:1:1:0");
    worker_main();
    assert!(std::env::var_os("CFUTURES_WORKER").is_none());
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
    let before = open_files();
    for method in [Method::Auto, Method::Fork, Method::Spawn] {
        println!("{method:?}");
        workers_live_and_die(method);
        a_standby_takes_over(method);
        many_requests_wait_their_turn(method);
        the_host_sees_nothing();
        assert_eq!(open_files(), before);
    }
    pools_keep_their_descriptors_apart();
    unfit_programs_are_refused();
    the_host_sees_nothing();
    assert_eq!(open_files(), before);
    std::env::set_var("TEST_IN_THE_WAY", "1");
    workers_live_and_die(Method::Spawn);
    service_threads_do_not_hinder_a_fork();

    println!("with a foreign thread");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    assert!(service::hold().is_none());
    workers_live_and_die(Method::Auto);
    the_host_sees_nothing();
    workers_live_and_die(Method::Fork);
    drop(stop);
    let _ = thread.join();
    println!("all is well");
}
