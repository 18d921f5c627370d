//! The running call, as the task sees it.
//!
//! Owns: `cf_task`, which lives on the runner's stack for one call of a user's function.
//! Called by: whatever runs such a function (a future, an item of a map, a piece of a loop, an initializer),
//! and the C interface from inside the function.
//!
//! Always true: the first failure is final; a result stored before it is dropped.

use crate::error::{cf_error, Lossy};
use crate::executor::NO_EXECUTOR;
use crate::future::cf_future;
use crate::future::node::Birth;
use crate::hook::Hook;
use crate::map::outcome::Outcome;
use crate::mem;
use crate::processes::result::FarResult;
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::threads::worker::Seat;
use core::ffi::{c_char, c_void, CStr};
use core::ptr::{null_mut, NonNull};

/// What a task calls with when it could not store its result; any value but 0 would do.
const COULD_NOT_STORE: i32 = -1;
/// The worker index of a thread that is no worker of the task's pool.
pub const NO_WORKER: u32 = u32::MAX;

/// The running call; valid until the task function returns. Opaque to C.
pub struct cf_task {
    sink: Sink,
    failure: Option<cf_error>,
    birth: Birth,
    /// Who runs it; looked at only when the task asks.
    desk: Desk,
    executor: u16,
    /// Takes a result that has no place: a task that asked for a buffer gets one, whatever becomes of it.
    spill: Option<Outcome>,
}

/// Where a result goes.
#[derive(Clone, Copy)]
pub enum Sink {
    Future(&'static cf_future),
    /// One item of a map whose outcomes are kept by the map.
    Item(*mut Outcome),
    /// The caller's own array: exactly so many bytes. The flag says that they were written.
    Slot {
        place: *mut u8,
        size: usize,
        written: bool,
    },
    /// The slot of a worker process.
    Far(NonNull<FarResult<'static>>),
    /// An initializer: its result is not used.
    Discard,
    /// A piece of a loop: there is nowhere to put a result.
    Nowhere,
}

/// Who runs a task.
enum Desk {
    /// A thread; its seat if it is a worker.
    Thread(Option<NonNull<Seat>>),
    /// A worker process, of this index and name.
    Process(u32, &'static CStr),
}

impl cf_task {
    pub fn new(sink: Sink, birth: Birth, runner: &Runner, executor: u16) -> cf_task {
        let desk = Desk::Thread(NonNull::new(runner.seat.get().cast_mut()));
        cf_task { sink, failure: None, birth, desk, executor, spill: None }
    }

    /// In a worker process.
    pub fn in_process(sink: Sink, birth: Birth, index: u32, name: &'static CStr) -> cf_task {
        cf_task { sink, failure: None, birth, desk: Desk::Process(index, name), executor: NO_EXECUTOR, spill: None }
    }

    /// The next call on the same thread: nothing of the last one is left.
    #[inline]
    pub fn restart(&mut self, sink: Sink, index: usize) {
        (self.sink, self.birth.index) = (sink, index);
        if self.spill.is_some() {
            self.spill = None;
        }
    }

    /// The end of the call: what it stored stands, or why it failed.
    #[inline]
    pub fn end(&mut self, returned: i32) -> core::result::Result<(), cf_error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        match (returned, self.sink) {
            (0, Sink::Slot { size, written: false, .. }) if size > 0 => Err(size_mismatch(0, size)),
            (0, _) => Ok(()),
            (code, _) => Err(cf_error::plain(Status::CF_TASK_FAILED, code)),
        }
    }

    /// Refuses the result: the task fails with this status.
    fn refuse(&mut self, error: cf_error) -> i32 {
        if self.failure.is_none() {
            self.failure = Some(error);
        }
        COULD_NOT_STORE
    }

    fn place(&mut self, size: usize) -> Result<*mut u8, cf_error> {
        let place = match &mut self.sink {
            Sink::Future(future) => future.result_place(size),
            // SAFETY: the map gives each item's outcome to the one thread that runs the item.
            Sink::Item(outcome) => unsafe { (**outcome).place(size) },
            Sink::Slot { place, size: room, written } => {
                if size != *room {
                    let error = size_mismatch(size, *room);
                    self.refuse(error);
                    self.spill(size)
                } else {
                    *written = true;
                    Ok(*place)
                }
            }
            Sink::Nowhere => {
                self.refuse(cf_error::plain(Status::CF_UNSUPPORTED, 0));
                self.spill(size)
            }
            // SAFETY: the worker's one thread runs the task and is the result's only user.
            Sink::Far(result) => unsafe { result.as_mut() }.place(size),
            Sink::Discard => self.spill(size),
        };
        place.map_err(|status| cf_error::plain(status, 0))
    }

    /// Where a result goes if nothing has to be made or ended for it: most do.
    #[inline]
    fn quick_place(&mut self, size: usize) -> Option<*mut u8> {
        if self.failure.is_some() {
            return None;
        }
        match &mut self.sink {
            Sink::Slot { place, size: room, written } if *room == size => {
                *written = true;
                Some(*place)
            }
            Sink::Future(future) => future.quick_result_place(size),
            // SAFETY: as in `place`.
            Sink::Item(outcome) => unsafe { (**outcome).quick_place(size) },
            _ => None,
        }
    }

    fn take_large(&mut self) -> Option<mem::Bytes> {
        match self.sink {
            Sink::Future(future) => future.take_large_result(),
            // SAFETY: as in `place`.
            Sink::Item(outcome) => unsafe { (*outcome).take_large() },
            _ => self.spill.as_mut().and_then(Outcome::take_large),
        }
    }

    fn spill(&mut self, size: usize) -> Result<*mut u8> {
        self.spill.get_or_insert_with(Outcome::new).place(size)
    }

    /// # Safety
    /// `data` points to `size` readable bytes (anything if `size` is 0).
    pub unsafe fn return_bytes(&mut self, data: *const c_void, size: usize) -> i32 {
        if let Some(place) = self.quick_place(size) {
            // SAFETY: room for `size` bytes, as many as the caller promised.
            unsafe { mem::copy(data.cast(), place, size) };
            return 0;
        }
        if let Sink::Far(result) = &mut self.sink {
            // SAFETY: as in `place`.
            if unsafe { result.as_mut() }.pass(data, size) {
                return 0;
            }
        }
        // A task may return a part of its own earlier result: that lives until the copy is made.
        let _earlier = self.take_large();
        match self.place(size) {
            Ok(place) => {
                // SAFETY: the caller's promise; the two may overlap.
                unsafe { mem::copy(data.cast(), place, size) };
                if self.failure.is_some() {
                    COULD_NOT_STORE
                } else {
                    0
                }
            }
            Err(error) => self.refuse(error),
        }
    }

    pub fn result_buffer(&mut self, size: usize) -> *mut c_void {
        let place = match self.quick_place(size) {
            Some(place) => Ok(place),
            None => self.place(size),
        };
        match place {
            Ok(place) => {
                // A buffer that the task fills only in part must not show what lay there before.
                if !matches!(self.sink, Sink::Slot { .. }) {
                    // SAFETY: room for `size` bytes.
                    unsafe { core::ptr::write_bytes(place, 0, size) };
                }
                place.cast()
            }
            Err(error) => {
                self.refuse(error);
                null_mut()
            }
        }
    }

    pub fn return_owned(&mut self, object: Hook) -> i32 {
        match self.sink {
            Sink::Future(future) => {
                future.store_object(object);
                0
            }
            // SAFETY: as in `place`.
            Sink::Item(outcome) => unsafe {
                (*outcome).store_object(object);
                0
            },
            Sink::Discard => 0,
            // An object's memory is the worker's own: the host cannot reach it.
            _ => self.refuse(cf_error::plain(Status::CF_UNSUPPORTED, 0)),
        }
    }

    pub fn fail(&mut self, code: i32, message: Option<&CStr>) -> i32 {
        let code = if code == 0 { -1 } else { code };
        let error = match message {
            Some(text) => cf_error::with_text(Status::CF_TASK_FAILED, code, format_args!("{}", Lossy(text))),
            None => cf_error::plain(Status::CF_TASK_FAILED, code),
        };
        self.refuse(error);
        code
    }

    /// The library's own task fails with a status of its own.
    pub fn end_with(&mut self, status: Status) -> i32 {
        self.refuse(cf_error::plain(status, 0))
    }

    pub fn index(&self) -> usize {
        self.birth.index
    }

    pub fn context(&self) -> *mut c_void {
        self.birth.context
    }

    /// The seat of this thread, if it is a worker of the task's own executor.
    fn seat(&self) -> Option<&Seat> {
        let Desk::Thread(seat) = self.desk else { return None };
        // SAFETY: the seat's pool outlives its threads, and the task is on the stack of one.
        seat.map(|s| unsafe { s.as_ref() }).filter(|s| s.executor() == self.executor)
    }

    pub fn worker(&self) -> u32 {
        match self.desk {
            Desk::Process(index, _) => index,
            Desk::Thread(_) => self.seat().map_or(NO_WORKER, Seat::index),
        }
    }

    pub fn worker_name(&self) -> *const c_char {
        match self.desk {
            Desk::Process(_, name) => name.as_ptr(),
            Desk::Thread(_) => self.seat().map_or(c"", Seat::name).as_ptr(),
        }
    }
}

pub fn size_mismatch(is: usize, wanted: usize) -> cf_error {
    let text = format_args!("the task's result has {is} bytes, the caller's item {wanted}");
    cf_error::with_text(Status::CF_SIZE_MISMATCH, 0, text)
}
