//! The life of a pool's thread, as in `threads/worker`. Part of `pool`.

use super::pool::{Pool, Task};
use crate::sync::{yield_now, Ordering::*};
use crate::threads::queue::Pop;
use std::sync::Arc;

pub struct Worker<'a> {
    pub pool: &'a Arc<Pool>,
    pub seat: usize,
    /// The wake in flight is this one's to clear.
    pub woken: bool,
}

impl Worker<'_> {
    pub fn live(&mut self) {
        let pool = self.pool;
        loop {
            if pool.crew.is_surplus() && !pool.rule.never_stand_by && !self.stand_by() {
                break;
            }
            match pool.queue.pop() {
                Pop::Hint(hint) => self.take(hint as usize - 1),
                Pop::Unfilled => yield_now(),
                Pop::Empty => {
                    if pool.queue.is_over() {
                        break;
                    }
                    self.sleep();
                }
            }
        }
        self.pass_on();
        pool.stir_reserve();
    }

    fn sleep(&mut self) {
        let pool = self.pool;
        let (mut slept, mut popped) = (true, None);
        pool.bell.sleep(|| {
            let stay_up = if pool.rule.last_look_is_a_pop {
                popped = if let Pop::Hint(hint) = pool.queue.pop() { Some(hint) } else { None };
                popped.is_some()
            } else {
                pool.queue.has_work()
            };
            slept = !(stay_up || pool.queue.is_closed());
            !slept
        });
        self.woken = slept || !pool.rule.woken_if_it_slept;
        popped.into_iter().for_each(|hint| self.take(hint as usize - 1));
        if !slept {
            yield_now(); // the look that found nothing was stale, or this one is
        }
    }

    fn pass_on(&mut self) {
        if core::mem::take(&mut self.woken) {
            if self.pool.rule.look_then_clear {
                self.pool.look();
                self.pool.bell.clear();
            } else {
                self.pool.bell.clear();
                self.pool.look();
            }
        }
    }

    fn take(&mut self, task: usize) {
        let pool = self.pool;
        if !pool.claim(task) {
            return;
        }
        if pool.rule.look_then_mark {
            self.look_if_it_can_grow();
        }
        pool.in_user_code[self.seat].store(true, Relaxed);
        if !pool.rule.look_then_mark {
            self.look_if_it_can_grow();
        }
        if pool.rule.pass_on {
            self.pass_on();
        }
        match pool.tasks[task] {
            Task::Quick => {}
            Task::Holds(others) => pool.wait_for(others),
            Task::Blocks(others) => {
                pool.crew.go_away();
                if !pool.rule.block_without_a_look {
                    pool.look();
                }
                pool.wait_for(others);
                pool.crew.come_back();
            }
        }
        pool.in_user_code[self.seat].store(false, Release);
        pool.finish(task);
    }

    fn look_if_it_can_grow(&self) {
        if self.pool.crew.can_grow() {
            self.pool.look();
        }
    }

    fn stand_by(&mut self) -> bool {
        if !self.pool.crew.enter_reserve() {
            return true;
        }
        self.pool.stood_by.fetch_add(1, Relaxed);
        self.pass_on();
        self.pool.look();
        self.woken = self.pool.wait_in_reserve();
        self.woken
    }
}
