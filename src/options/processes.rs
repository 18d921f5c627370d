//! The plan of a process pool.
//!
//! Called by: `executor`. Always true: the plan owns all that it says, and every number in it is one that the shared
//! memory's layout can hold.

use super::{cf_options, copy_of, refuse, Text};
use crate::error::Failure;
use crate::mem;
use crate::processes::layout::MOST_WORKERS;
use crate::processes::plan::{Plan, Policy};
use crate::processes::zygotes::Method;
use crate::status::{Result, Status};
use crate::sync::{AtomicU32, Ordering::*};
use crate::sys::cpus;
use core::fmt::Write;

/// The plan that the options describe.
pub fn process_plan(options: &cf_options) -> Result<Plan, Failure> {
    refuse_thread_options(options)?;
    refuse_contradictions(options)?;
    Ok(Plan {
        max_workers: max_workers(options)?,
        name: name(options)?,
        initializer: options.copy_of_initializer()?,
        method: options.start_method.unwrap_or(Method::Auto),
        program: copy_of(&options.worker_program)?,
        max_tasks: options.max_tasks_per_child.unwrap_or(0) as u64,
        policy: options.on_worker_death.unwrap_or(Policy::Replace),
        shared_memory_limit: options.shared_memory_limit,
        worker_memory_limit: options.worker_memory_limit.unwrap_or(0) as u64,
    })
}

fn refuse_thread_options(o: &cf_options) -> Result<(), Failure> {
    let options = [
        (o.stack_size.is_some(), "stack_size"),
        (o.max_spares.is_some(), "max_spares"),
        (o.inline_wait.is_some(), "inline_wait"),
    ];
    refuse("thread pools", &options)
}

fn refuse_contradictions(o: &cf_options) -> Result<(), Failure> {
    if o.start_method == Some(Method::Fork) && !o.worker_program.is_empty() {
        let text = format_args!("worker_program was set, but CF_START_FORK runs no program");
        return Err(Failure::new(Status::CF_INVALID_ARGUMENT, 0, text));
    }
    Ok(())
}

fn max_workers(options: &cf_options) -> Result<usize, Failure> {
    match options.max_workers {
        None => Ok(cpus::usable().clamp(1, MOST_WORKERS)),
        Some(n) if n > MOST_WORKERS => {
            let text = format_args!("{n} workers are too many: a process pool has at most {MOST_WORKERS}");
            Err(Failure::new(Status::CF_INVALID_ARGUMENT, 0, text))
        }
        Some(n) => Ok(n),
    }
}

fn name(options: &cf_options) -> Result<Box<[u8]>> {
    /// Pools of this process that have a default name.
    static UNNAMED: AtomicU32 = AtomicU32::new(0);
    let mut default = Text::default();
    let given = options.given_name();
    if given.is_none() {
        // Relaxed: only the number itself matters.
        let _ = write!(default, "ProcessPoolExecutor-{}", UNNAMED.fetch_add(1, Relaxed));
    }
    let text = given.unwrap_or(default.as_cstr()).to_bytes();
    mem::try_slice(text.len(), |i| text[i])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal, Setter};
    use super::*;

    #[test]
    fn what_was_not_set_has_a_default() {
        let plan = process_plan(&cf_options::defaults()).ok().unwrap();
        assert!((1..=MOST_WORKERS).contains(&plan.max_workers));
        assert_eq!((plan.method, plan.policy), (Method::Auto, Policy::Replace));
        assert!(plan.program().is_none() && plan.initializer.is_none() && plan.shared_memory_limit.is_none());
        assert_eq!((plan.max_tasks, plan.worker_memory_limit), (0, 0));
        assert!(plan.name.starts_with(b"ProcessPoolExecutor-"));
    }

    #[test]
    fn what_was_set_is_in_the_plan() {
        let mut o = cf_options::defaults();
        assert_eq!(o.set_max_workers(3), Ok(()));
        assert_eq!(o.set_start_method(2), Ok(()));
        assert_eq!(o.set_worker_program(c"/bin/true"), Ok(()));
        assert_eq!(o.set_max_tasks_per_child(7), Ok(()));
        assert_eq!(o.set_on_worker_death(1), Ok(()));
        assert_eq!(o.set_shared_memory_limit(1 << 24), Ok(()));
        assert_eq!(o.set_worker_memory_limit(1 << 25), Ok(()));
        let plan = process_plan(&o).ok().unwrap();
        assert_eq!((plan.max_workers, plan.max_tasks, plan.worker_memory_limit), (3, 7, 1 << 25));
        assert_eq!((plan.method, plan.policy), (Method::Spawn, Policy::Break));
        assert_eq!((plan.program(), plan.shared_memory_limit), (Some(c"/bin/true"), Some(1 << 24)));
    }

    #[test]
    fn what_a_process_pool_cannot_be_is_refused() {
        let sets: [Setter; 3] = [
            ("stack_size", |o| o.set_stack_size(8 << 20)),
            ("max_spares", |o| o.set_max_spares(0)),
            ("inline_wait", |o| o.set_inline_wait(true)),
        ];
        for (name, set) in sets {
            let mut o = cf_options::defaults();
            assert_eq!(set(&mut o), Ok(()));
            let expected = (Status::CF_UNSUPPORTED, format!("{name} is an option of thread pools"));
            assert_eq!(refusal(process_plan(&o)), expected);
        }
        let mut o = cf_options::defaults();
        assert_eq!(o.set_max_workers(MOST_WORKERS + 1), Ok(()));
        assert_eq!(refusal(process_plan(&o)).0, Status::CF_INVALID_ARGUMENT);
        let mut o = cf_options::defaults();
        assert_eq!((o.set_start_method(1), o.set_worker_program(c"/bin/true")), (Ok(()), Ok(())));
        assert_eq!(refusal(process_plan(&o)).0, Status::CF_INVALID_ARGUMENT);
    }
}
