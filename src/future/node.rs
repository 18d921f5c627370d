//! The node's layout, its life from `alloc` to the last `release`, and where argument and result lie.

pub use super::call::{Arg, Birth, Call};
use super::ext::{Callback, Ext};
use super::{slab, word};
use crate::capi::types::TaskFn;
use crate::error::cf_error;
use crate::executor::NO_EXECUTOR;
use crate::hook::Hook;
use crate::mem;
use crate::runner::Runner;
use crate::status::{Result, Status};
use crate::sync::{self, AtomicPtr, AtomicU32, Cell, Ordering::*, Sleepers};
use core::ffi::c_void;
use core::ptr::{null_mut, NonNull};

/// Bytes of argument and of result that fit into the node.
pub const INLINE: usize = 16;

/// What an area of the node holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Area {
    /// So many bytes, inline: 0 to 16.
    Inline0 = 0,
    Inline16 = 16,
    /// Bytes that the extension holds.
    Large = 20,
    /// A user's pointer and its free function, inline.
    Owned = 21,
    /// A `cf_error`, inline.
    Error = 22,
}

/// The call's result, or the reason why there is none; opaque to C.
///
/// A future is counted: cf_future_retain() and cf_future_release().
#[repr(C, align(64))]
pub struct cf_future {
    pub(super) word: word::Word,
    pub(super) refs: AtomicU32,
    pub(super) arg_area: Cell<u8>,
    pub(super) result_area: Cell<u8>,
    pub(super) executor: Cell<u16>,
    pub(super) func: Cell<Option<TaskFn>>,
    pub(super) ext: AtomicPtr<Ext>,
    pub(super) arg: Cell<Bytes>,
    /// Before the claim: index and context (`Birth`); after it the result or the error.
    pub(super) result: Cell<Bytes>,
}

#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(super) struct Bytes([u8; INLINE]);

// SAFETY: every field is an atomic or is guarded by the state word, as the module's head says.
unsafe impl Sync for cf_future {}
// SAFETY: as above.
unsafe impl Send for cf_future {}

static SLEEPERS: Sleepers = Sleepers::new();

#[repr(C)]
pub(super) struct Pair(pub(super) *mut c_void, pub(super) crate::capi::types::cf_free_fn);
const _: () = assert!(size_of::<Pair>() == INLINE && size_of::<Birth>() == INLINE && size_of::<cf_error>() == INLINE);

impl cf_future {
    /// Memory for `plain`.
    pub(super) fn vacant() -> cf_future {
        cf_future {
            word: word::Word::new(),
            refs: AtomicU32::new(0),
            arg_area: Cell::new(0),
            result_area: Cell::new(0),
            executor: Cell::new(NO_EXECUTOR),
            func: Cell::new(None),
            ext: AtomicPtr::new(null_mut()),
            arg: Cell::new(Bytes([0; INLINE])),
            result: Cell::new(Bytes([0; INLINE])),
        }
    }

    /// A node for a call, not yet PENDING; its maker is its only user. `refs` counts the pool's reference too.
    /// On failure the argument is freed, as on every other end of a task.
    #[inline]
    pub fn new(runner: &Runner, call: Call, refs: u32) -> Result<&'static cf_future> {
        let node = slab::alloc(runner)?;
        node.reset(call.executor, refs);
        // SAFETY: not yet PENDING, so this thread is the only user.
        unsafe {
            node.func.with_mut(|p| *p = Some(call.func));
            node.result.with_mut(|p| p.cast::<Birth>().write(call.birth));
        }
        match call.arg {
            Arg::Copy(from, size) => {
                let place = match node.arg_place(size) {
                    Ok(place) => place,
                    Err(e) => {
                        node.discard();
                        return Err(e);
                    }
                };
                // SAFETY: `place` has room for `size` bytes; the caller promised as many readable ones.
                unsafe { mem::copy(from.cast::<u8>(), place, size) }
            }
            Arg::Owned(hook) => {
                let (data, free) = hook.into_parts();
                // SAFETY: as above; the pair fits (asserted).
                unsafe {
                    node.arg.with_mut(|p| p.cast::<Pair>().write(Pair(data, free)));
                    node.arg_area.with_mut(|p| *p = Area::Owned as u8);
                }
            }
        }
        Ok(node)
    }

    /// A node whose task lies elsewhere, not yet PENDING; its maker is its only user.
    pub fn new_far(runner: &Runner, executor: u16, refs: u32) -> Result<&'static cf_future> {
        let node = slab::alloc(runner)?;
        node.reset(executor, refs);
        Ok(node)
    }

    /// A node that belongs to nobody but its maker, for `by_hand`.
    pub(super) fn new_by_hand(runner: &Runner) -> Result<&'static cf_future> {
        let node = slab::alloc(runner)?;
        node.reset(NO_EXECUTOR, 1);
        Ok(node)
    }

    #[inline]
    fn reset(&self, executor: u16, refs: u32) {
        self.refs.store(refs, Relaxed);
        self.ext.store(null_mut(), Relaxed);
        // SAFETY: a free node in the hands of its maker.
        unsafe {
            self.arg_area.with_mut(|p| *p = 0);
            self.result_area.with_mut(|p| *p = 0);
            self.executor.with_mut(|p| *p = executor);
            self.func.with_mut(|p| *p = None);
        }
    }

    /// Where `size` bytes of argument go.
    #[inline]
    fn arg_place(&self, size: usize) -> Result<*mut u8> {
        let area = if size <= INLINE { size as u8 } else { Area::Large as u8 };
        // SAFETY: only the maker, before PENDING.
        unsafe { self.arg_area.with_mut(|p| *p = area) };
        if size <= INLINE {
            return Ok(self.arg.with_mut(|p| p.cast()));
        }
        let ext = Ext::with_arg(size)?;
        self.ext.store(ext.as_ptr(), Relaxed);
        // SAFETY: just made.
        Ok(unsafe { ext.as_ref() }.arg().0)
    }

    /// Gives back a task that nobody will claim any more: its argument's end and all its references.
    ///
    /// # Safety
    /// All `refs` references are the caller's.
    pub unsafe fn abandon(&'static self, refs: u32) {
        self.drop_argument();
        for _ in 0..refs {
            // SAFETY: the caller's promise.
            unsafe { cf_future::drop_ref(self) };
        }
    }

    /// Gives back a node that never became PENDING.
    pub fn discard(&'static self) {
        self.drop_argument();
        // SAFETY: the maker is the only user.
        unsafe { self.dispose() };
    }

    #[inline]
    pub fn word(&self) -> &word::Word {
        &self.word
    }

    #[inline]
    pub fn open(&self, flags: u64) {
        self.word.open(flags);
    }

    pub fn generation(&self) -> u32 {
        word::generation(self.word.load(Relaxed))
    }

    /// Id of the executor, `NO_EXECUTOR` for one completed by hand. Constant while references exist.
    #[inline]
    pub fn executor(&self) -> u16 {
        // SAFETY: written by the maker before PENDING only.
        self.executor.with(|p| unsafe { *p })
    }

    /// Must not be called before the word was taken.
    #[inline]
    pub(super) fn func(&self) -> Option<TaskFn> {
        // SAFETY: written before PENDING only.
        self.func.with(|p| unsafe { *p })
    }

    /// # Safety
    /// By the claimer, before it stores a result.
    #[inline]
    pub(super) unsafe fn birth(&self) -> Birth {
        // SAFETY: the caller's promise; `new` has written it.
        self.result.with(|p| unsafe { p.cast::<Birth>().read() })
    }

    /// The argument as the task sees it.
    #[inline]
    pub(super) fn argument(&self) -> (*mut c_void, usize) {
        // SAFETY: by the claimer; the areas were written before PENDING.
        unsafe {
            match self.arg_area.with(|p| *p) {
                n if n as usize <= INLINE => (self.arg.with_mut(|p| p.cast()), n as usize),
                n if n == Area::Owned as u8 => (self.arg.with(|p| (*p.cast::<Pair>()).0), 0),
                _ => {
                    let (data, size) = (*self.ext.load(Relaxed)).arg();
                    (data.cast(), size)
                }
            }
        }
    }

    /// True if the argument has a free function of the user's.
    #[inline]
    pub(super) fn owns_argument(&self) -> bool {
        // SAFETY: as for `argument`.
        self.arg_area.with(|p| unsafe { *p }) == Area::Owned as u8
    }

    /// Ends the argument's life: its free function runs, exactly once.
    #[inline]
    pub(super) fn drop_argument(&self) {
        if self.owns_argument() {
            // SAFETY: by the claimer or the maker; the area says what lies there, and is marked empty first.
            let Pair(data, free) = unsafe {
                self.arg_area.with_mut(|p| *p = 0);
                self.arg.with(|p| p.cast::<Pair>().read())
            };
            drop(Hook::new(data, free));
        }
    }

    // ---- references

    #[inline]
    pub fn retain(&self) {
        // Relaxed: the caller's own reference keeps the node alive.
        if self.refs.fetch_add(1, Relaxed) > i32::MAX as u32 {
            std::process::abort(); // two thousand million handles: a leak that would wrap
        }
    }

    /// # Safety
    /// The caller owns a reference and does not use it again.
    #[inline]
    pub unsafe fn drop_ref(this: *const cf_future) {
        // SAFETY: the caller's promise.
        unsafe { Self::drop_ref_with(this, || ()) }
    }

    /// As `drop_ref`; `before_hooks` is called if this is the last reference and its end may run code of the user's.
    ///
    /// # Safety
    /// As for `drop_ref`.
    #[inline]
    pub(super) unsafe fn drop_ref_with(this: *const cf_future, before_hooks: impl FnOnce()) {
        // SAFETY: the reference keeps the node alive.
        let node: &'static cf_future = unsafe { &*this };
        // Acquire: pairs with every other holder's Release. Who has the only reference shares it with nobody.
        // Release: what this thread did with the node comes before its end.
        if node.refs.load(Acquire) == 1 || node.refs.fetch_sub(1, Release) == 1 {
            // Acquire: as above. A load and no fence, so that ThreadSanitizer sees it.
            node.refs.load(Acquire);
            if node.has_hooks() {
                before_hooks();
            }
            // SAFETY: the last reference.
            unsafe { node.dispose() };
        }
    }

    /// May the end of the node run code of the user's? By the last reference.
    #[inline]
    fn has_hooks(&self) -> bool {
        self.result_area() == Area::Owned as u8 || !self.ext.load(Relaxed).is_null()
    }

    /// # Safety
    /// Nobody else has a reference.
    unsafe fn dispose(&'static self) {
        self.drop_result();
        if let Some(ext) = NonNull::new(self.ext.load(Relaxed)) {
            self.ext.store(null_mut(), Relaxed);
            // SAFETY: the last user; the user data's destroy function runs in here.
            unsafe { Ext::free(ext) };
        }
        slab::free(self);
    }

    /// Tells whoever waits, with the flags that stood in the word when it became done. No user code runs here;
    /// what comes back are the callbacks, for the caller to run.
    #[inline]
    pub(super) fn tell(&self, before: u64) -> impl Iterator<Item = Callback> + use<'_> {
        self.wake(before);
        let watches = (before & word::CALLBACKS != 0).then(|| self.existing_ext()).flatten();
        watches.into_iter().flat_map(|ext| ext.close_watches())
    }

    #[inline]
    pub(super) fn wake(&self, before: u64) {
        if before & word::WAITERS != 0 {
            SLEEPERS.wake_all(sync::low_half(self.word.atomic()));
        }
    }

    /// Before a sleep: the word to sleep on, in which it stands that somebody does. The task of a far future has a word
    /// of its own for that.
    pub(crate) fn begin_sleep(&self) -> u64 {
        let w = self.word.load(Acquire);
        if w & word::FAR != 0 && word::state(w) == word::PENDING {
            return w;
        }
        self.word.flag(word::WAITERS) | word::WAITERS
    }

    /// Sleeps while the low half of the word is that of `w`; false if the deadline has passed.
    pub(crate) fn sleep(&self, w: u64, deadline: crate::time::Deadline) -> bool {
        if word::state(w) == word::PENDING && w & word::FAR != 0 {
            return self.sleep_far(deadline);
        }
        self.sleep_here(w, deadline)
    }

    /// As `sleep`, on the node's own word.
    pub(crate) fn sleep_here(&self, w: u64, deadline: crate::time::Deadline) -> bool {
        let unchanged = || self.word.load(Relaxed) as u32 == w as u32;
        // SAFETY: the caller's reference keeps the word alive.
        unsafe { SLEEPERS.wait(sync::low_half(self.word.atomic()), w as u32, unchanged, deadline) }
    }

    /// Wakes whoever sleeps on this future, to look again. The word changes, so that who is about to sleep does not.
    pub(crate) fn stir(&self) {
        self.word.stir();
        if self.is_far() && !word::is_done(self.word.load(Relaxed)) {
            self.stir_far();
        }
        SLEEPERS.wake_all(sync::low_half(self.word.atomic()));
    }
}

/// `CF_FORKED` in a child of the process that made the future.
impl crate::fork::Handle for cf_future {
    #[inline]
    fn foreign(&self) -> bool {
        slab::epoch_of(self) != crate::fork::epoch()
    }
}

pub(crate) fn invalid_state<T>() -> Result<T> {
    Err(Status::CF_INVALID_STATE)
}
