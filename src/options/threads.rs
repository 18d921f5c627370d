//! The plan of a thread pool.
//!
//! Called by: `executor`. Always true: a plan borrows its names, so it exists only while the pool is made.

use super::{cf_options, refuse, Text};
use crate::error::Failure;
use crate::status::Result;
use crate::sync::{AtomicU32, Ordering::*};
use crate::sys::cpus;
use crate::threads::{Initializer, Plan};
use core::fmt::Write;

const DEFAULT_SPARES: usize = 64;
/// Platform defaults have proved too small for recursive code.
const DEFAULT_STACK: usize = 8 << 20;

/// Python's default: enough threads to overlap I/O with work, without flooding a large machine.
fn default_workers() -> usize {
    (cpus::usable() + 4).min(32)
}

/// Calls `make` with the plan that the options describe.
pub fn with_plan<T>(options: &cf_options, make: impl FnOnce(Plan) -> Result<T>) -> Result<T, Failure> {
    /// Pools of this process that have a default name.
    static UNNAMED: AtomicU32 = AtomicU32::new(0);
    refuse_process_options(options)?;
    let initializer = options.copy_of_initializer()?.map(|(func, arg)| Initializer { func, arg });
    let (mut long, mut short) = (Text::default(), Text::default());
    let given = options.given_name();
    if given.is_none() {
        // Relaxed: only the number itself matters.
        let k = UNNAMED.fetch_add(1, Relaxed);
        let _ = write!(long, "ThreadPoolExecutor-{k}");
        let _ = write!(short, "cf-{k}");
    }
    let plan = Plan {
        max_workers: options.max_workers.unwrap_or_else(default_workers),
        max_spares: options.max_spares.unwrap_or(DEFAULT_SPARES),
        stack_size: options.stack_size.unwrap_or(DEFAULT_STACK).next_multiple_of(4096),
        inline_wait: options.inline_wait.unwrap_or(true),
        name: given.unwrap_or(long.as_cstr()),
        thread_name: given.unwrap_or(short.as_cstr()),
        initializer,
    };
    Ok(make(plan)?)
}

fn refuse_process_options(o: &cf_options) -> Result<(), Failure> {
    let options = [
        (o.start_method.is_some(), "start_method"),
        (!o.worker_program.is_empty(), "worker_program"),
        (o.max_tasks_per_child.is_some(), "max_tasks_per_child"),
        (o.on_worker_death.is_some(), "on_worker_death"),
        (o.shared_memory_limit.is_some(), "shared_memory_limit"),
        (o.worker_memory_limit.is_some(), "worker_memory_limit"),
    ];
    refuse("process pools", &options)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal, Setter};
    use super::*;
    use crate::status::Status;

    #[test]
    fn options_of_process_pools_are_refused_by_name() {
        let sets: [Setter; 6] = [
            ("start_method", |o| o.set_start_method(0)),
            ("worker_program", |o| o.set_worker_program(c"/bin/true")),
            ("max_tasks_per_child", |o| o.set_max_tasks_per_child(1)),
            ("on_worker_death", |o| o.set_on_worker_death(0)),
            ("shared_memory_limit", |o| o.set_shared_memory_limit(1 << 20)),
            ("worker_memory_limit", |o| o.set_worker_memory_limit(1 << 20)),
        ];
        for (name, set) in sets {
            let mut o = cf_options::defaults();
            assert_eq!(set(&mut o), Ok(()));
            let (status, text) = refusal(with_plan(&o, |_| Ok(())));
            assert_eq!((status, text), (Status::CF_UNSUPPORTED, format!("{name} is an option of process pools")));
        }
        assert!(with_plan(&cf_options::defaults(), |_| Ok(())).is_ok());
    }
}
