//! The calls of a sequence, and how they are drawn at random.
//!
//! Every list of them is a sequence: a number says which of the handles that there are is meant, and a call for which
//! there is none is left out. So proptest may leave out and simplify what it likes when it looks for the smallest list
//! that fails.

use crate::jobs::Job;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Poll,
    Expired,
    Bounded,
    Forever,
}

#[derive(Clone, Copy, Debug)]
pub enum Mode {
    All,
    First,
    Exception,
}

/// A task to submit: `tail` is how many bytes its argument has beyond the least.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub job: Job,
    pub n: u8,
    pub tail: u16,
}

/// Which futures: `count` of those that there are, from one on, each as often as `times`, and again where they are fewer.
#[derive(Clone, Copy, Debug)]
pub struct Few {
    pub from: u8,
    pub count: u8,
    pub times: u8,
}

#[derive(Clone, Debug)]
pub enum Op {
    NewPool { process: bool, workers: u8, named: bool },
    Submit { pool: u8, work: Work, kept: bool },
    SubmitOwned { pool: u8, work: Work, kept: bool },
    SubmitMany { pool: u8, work: Work, count: u8, kept: bool },
    Open { future: u8 },
    Settle,
    Cancel { future: u8 },
    CancelMany { which: Few },
    Kill { future: u8 },
    Look { future: u8 },
    Result { future: u8, wait: Wait },
    ResultInto { future: u8, wait: Wait, size: u8 },
    ResultObject { future: u8, wait: Wait },
    Exception { future: u8, wait: Wait },
    WaitFor { which: Few, wait: Wait, mode: Mode },
    Callback { future: u8, again: bool },
    UserData { future: u8 },
    Retain { future: u8 },
    Release { future: u8 },
    ReleaseMany { which: Few },
    ByHand,
    SetRunning { future: u8 },
    SetResult { future: u8, n: u8 },
    SetException { future: u8, code: i8 },
    AsCompleted { which: Few, wait: Wait },
    CompletionsNext { iterator: u8 },
    CompletionsFree { iterator: u8 },
    Each { which: Few, wait: Wait, stop: bool },
    QueueNew,
    QueueAdd { queue: u8, future: u8, tagged: bool },
    QueueNext { queue: u8, wait: Wait },
    QueueClose { queue: u8 },
    QueueFree { queue: u8 },
    Map { pool: u8, work: Work, count: u8, chunk: u8, expired: bool },
    MapNext { map: u8 },
    MapFree { map: u8 },
    MapInto { pool: u8, fail: u8, count: u8 },
    ForRange { pool: u8, count: u8, grain: u8, fail: u8 },
    Shutdown { pool: u8, wait: bool, cancel: bool },
    Join { pool: u8, wait: Wait },
    Free { pool: u8 },
    Detach { pool: u8 },
    Bad { what: u8 },
}

/// A sequence, and how it ends: in which order everything is given back.
#[derive(Clone, Debug)]
pub struct Sequence {
    pub ops: Vec<Op>,
    pub end: u8,
}

fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![Just(Wait::Poll), Just(Wait::Bounded), Just(Wait::Forever), Just(Wait::Expired)]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::All), Just(Mode::First), Just(Mode::Exception)]
}

fn few() -> impl Strategy<Value = Few> {
    (any::<u8>(), 0..7u8, prop_oneof![4 => Just(1), 1 => 2..4u8]).prop_map(|(from, count, times)| Few {
        from,
        count,
        times,
    })
}

fn job() -> impl Strategy<Value = Job> {
    prop_oneof![
        3 => Just(Job::Value),
        6 => Just(Job::Gate),
        1 => Just(Job::Big),
        1 => Just(Job::Empty),
        1 => Just(Job::Code),
        2 => Just(Job::Fail),
        1 => Just(Job::Object),
        1 => Just(Job::Replaced),
        2 => Just(Job::Nested),
        1 => Just(Job::Die),
    ]
}

fn work() -> impl Strategy<Value = Work> {
    let tail = prop_oneof![3 => Just(0u16), 1 => 1..64u16, 1 => Just(1000)];
    (job(), 0..100u8, tail).prop_map(|(job, n, tail)| Work { job, n, tail })
}

fn pools(process: bool) -> BoxedStrategy<Op> {
    let p = any::<u8>;
    let b = any::<bool>;
    // Process pools take a hundred times as long to make.
    let kind = if process { b().boxed() } else { Just(false).boxed() };
    prop_oneof![
        4 => (kind, 1..4u8, b()).prop_map(|(process, workers, named)| Op::NewPool { process, workers, named }),
        20 => (p(), work(), proptest::bool::weighted(0.9)).prop_map(|(pool, work, kept)| Op::Submit { pool, work, kept }),
        5 => (p(), work(), b()).prop_map(|(pool, work, kept)| Op::SubmitOwned { pool, work, kept }),
        5 => (p(), work(), 0..6u8, b())
            .prop_map(|(pool, work, count, kept)| Op::SubmitMany { pool, work, count, kept }),
        12 => p().prop_map(|future| Op::Open { future }),
        5 => Just(Op::Settle),
        2 => (p(), b(), b()).prop_map(|(pool, wait, cancel)| Op::Shutdown { pool, wait, cancel }),
        2 => (p(), wait()).prop_map(|(pool, wait)| Op::Join { pool, wait }),
        1 => p().prop_map(|pool| Op::Free { pool }),
        1 => p().prop_map(|pool| Op::Detach { pool }),
        2 => p().prop_map(|what| Op::Bad { what }),
    ]
    .boxed()
}

fn futures() -> BoxedStrategy<Op> {
    let f = any::<u8>;
    prop_oneof![
        8 => f().prop_map(|future| Op::Cancel { future }),
        1 => few().prop_map(|which| Op::CancelMany { which }),
        2 => f().prop_map(|future| Op::Kill { future }),
        4 => f().prop_map(|future| Op::Look { future }),
        5 => (f(), wait()).prop_map(|(future, wait)| Op::Result { future, wait }),
        3 => (f(), wait(), 7..10u8).prop_map(|(future, wait, size)| Op::ResultInto { future, wait, size }),
        1 => (f(), wait()).prop_map(|(future, wait)| Op::ResultObject { future, wait }),
        2 => (f(), wait()).prop_map(|(future, wait)| Op::Exception { future, wait }),
        8 => (f(), any::<bool>()).prop_map(|(future, again)| Op::Callback { future, again }),
        2 => f().prop_map(|future| Op::UserData { future }),
        3 => f().prop_map(|future| Op::Retain { future }),
        5 => f().prop_map(|future| Op::Release { future }),
        1 => few().prop_map(|which| Op::ReleaseMany { which }),
        4 => Just(Op::ByHand),
        2 => f().prop_map(|future| Op::SetRunning { future }),
        3 => (f(), any::<u8>()).prop_map(|(future, n)| Op::SetResult { future, n }),
        2 => (f(), -2..3i8).prop_map(|(future, code)| Op::SetException { future, code }),
    ]
    .boxed()
}

fn many() -> BoxedStrategy<Op> {
    let i = any::<u8>;
    let fail = || prop_oneof![2 => Just(0u8), 1 => 1..20u8];
    prop_oneof![
        10 => (few(), wait(), mode()).prop_map(|(which, wait, mode)| Op::WaitFor { which, wait, mode }),
        4 => (few(), wait()).prop_map(|(which, wait)| Op::AsCompleted { which, wait }),
        10 => i().prop_map(|iterator| Op::CompletionsNext { iterator }),
        1 => i().prop_map(|iterator| Op::CompletionsFree { iterator }),
        2 => (few(), wait(), any::<bool>()).prop_map(|(which, wait, stop)| Op::Each { which, wait, stop }),
        3 => Just(Op::QueueNew),
        12 => (i(), i(), any::<bool>()).prop_map(|(queue, future, tagged)| Op::QueueAdd { queue, future, tagged }),
        10 => (i(), wait()).prop_map(|(queue, wait)| Op::QueueNext { queue, wait }),
        1 => i().prop_map(|queue| Op::QueueClose { queue }),
        1 => i().prop_map(|queue| Op::QueueFree { queue }),
        3 => (i(), work(), 0..20u8, 0..5u8, proptest::bool::weighted(0.2))
            .prop_map(|(pool, work, count, chunk, expired)| Op::Map { pool, work, count, chunk, expired }),
        8 => i().prop_map(|map| Op::MapNext { map }),
        1 => i().prop_map(|map| Op::MapFree { map }),
        2 => (i(), fail(), 0..20u8).prop_map(|(pool, fail, count)| Op::MapInto { pool, fail, count }),
        2 => (i(), any::<u8>(), 0..9u8, fail())
            .prop_map(|(pool, count, grain, fail)| Op::ForRange { pool, count, grain, fail }),
    ]
    .boxed()
}

/// Sequences over thread pools, or over both kinds.
pub fn sequences(process: bool) -> impl Strategy<Value = Sequence> {
    let op = prop_oneof![5 => pools(process), 4 => futures(), 3 => many()];
    (vec(op, 1..60), any::<u8>()).prop_map(|(ops, end)| Sequence { ops, end })
}
