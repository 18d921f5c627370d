//! What a worker has left as the outcome of a task or of an item: read once, checked, and then gone by.
//!
//! Called by: harvest. Always true: each word is read once, so that what is checked is what is used, whatever the worker
//! writes meanwhile; nothing follows from what the bytes of a result or text are.

use super::arena::Arena;
use super::result::Words;
use super::segments::Piece;
use super::shared::Shared;
use super::slot::inline_bytes;
use crate::error::cf_error;
use crate::status::Status;
use crate::sync::Ordering::*;

/// What a worker may say of a task.
const SAYABLE: [Status; 6] = [
    Status::CF_TASK_FAILED,
    Status::CF_INVALID_ARGUMENT,
    Status::CF_NO_MEMORY,
    Status::CF_UNSUPPORTED,
    Status::CF_SIZE_MISMATCH,
    Status::CF_UNKNOWN_FUNCTION,
];

/// Reads each word of an outcome once: the result's bytes, or why there are none.
pub fn read<'a>(arena: &'a Arena, shared: &Shared, words: Words<'a>, worker: u16) -> Result<Body<'a>, cf_error> {
    let (status, code) = (words.status.load(Relaxed), words.code.load(Relaxed));
    let size = usize::try_from(words.size.load(Relaxed)).unwrap_or(usize::MAX);
    let at = usize::try_from(words.at.load(Relaxed)).unwrap_or(usize::MAX);
    let body = find(arena, shared, &words, worker, (at, size)).ok_or_else(nonsense)?;
    if status == 0 {
        return Ok(body);
    }
    let status = SAYABLE.into_iter().find(|s| *s as i32 == status).ok_or_else(nonsense)?;
    let text = body.bytes();
    if text.is_empty() {
        return Err(cf_error::plain(status, code));
    }
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let text = &text[..text.len().min(MOST_TEXT)];
    Err(cf_error::with_text(status, code, format_args!("{}", Utf8(text))))
}

/// Where the bytes are, if they are the worker's to leave there.
fn find<'a>(
    arena: &'a Arena,
    shared: &Shared,
    words: &Words<'a>,
    worker: u16,
    (at, size): (usize, usize),
) -> Option<Body<'a>> {
    if at == 0 {
        return (size <= words.room()).then(|| Body { place: inline_bytes(words.inline), size, owner: Owner::Slot });
    }
    if let Some(piece) = arena.segments().accept(worker, at, size) {
        return Some(Body { place: arena.address(at), size, owner: Owner::Worker(arena, piece) });
    }
    // Memory of the program's own is passed, and stays the program's to free.
    shared.holds(at, size).then(|| Body { place: arena.address(at), size, owner: Owner::Program(arena) })
}

/// A result or text that a worker has left, and whose memory it is.
pub struct Body<'a> {
    pub place: *mut u8,
    pub size: usize,
    pub owner: Owner<'a>,
}

pub enum Owner<'a> {
    Slot,
    Worker(&'a Arena, Piece),
    Program(&'a Arena),
}

impl Body<'_> {
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: checked to lie beside the words or in a segment. A worker out of its mind may still write there: the
        // bytes are copied, and nothing follows from what they are.
        unsafe { core::slice::from_raw_parts(self.place, self.size) }
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        if let Owner::Worker(arena, piece) = core::mem::replace(&mut self.owner, Owner::Slot) {
            arena.segments().release(arena, piece);
        }
    }
}

/// More than this of a message is not kept.
const MOST_TEXT: usize = 64 << 10;

struct Utf8<'a>(&'a [u8]);

impl core::fmt::Display for Utf8<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter) -> core::fmt::Result {
        self.0.utf8_chunks().try_for_each(|c| f.write_str(c.valid()))
    }
}

/// What is said of a task whose outcome cannot be.
pub fn nonsense() -> cf_error {
    cf_error::with_text(Status::CF_WORKER_DIED, 0, format_args!("a worker process left an outcome that makes no sense"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{AtomicBool, AtomicI32, AtomicU64};

    /// A worker changes the size from what is there to what is not, and back, while the host reads: what was checked is what
    /// is used. Which of both it sees is chance; that it saw each is wanted, so that there was something to see.
    #[test]
    fn what_changes_while_it_is_read_is_read_once() {
        const THERE: usize = 1000;
        let arena = Arena::new(Some(16 << 20)).map_err(|f| f.status).unwrap();
        // SAFETY: one reference, given up below.
        let arena_ref = unsafe { arena.as_ref() };
        let (shared, stop) = (Shared::new(), AtomicBool::new(false));
        let at = AtomicU64::new(arena_ref.segments().grant(arena_ref, 3, 1, THERE, false).unwrap().0 as u64);
        let (size, status, code) = (AtomicU64::new(0), AtomicI32::new(0), AtomicI32::new(0));
        let (mut good, mut refused) = (0, 0);
        std::thread::scope(|s| {
            s.spawn(|| {
                while !stop.load(Relaxed) {
                    size.store(THERE as u64, Relaxed);
                    size.store(1 << 35, Relaxed);
                }
            });
            while good < 100_000 || refused < 100_000 {
                let words = Words { status: &status, code: &code, size: &size, at: &at, inline: &[] };
                match read(arena_ref, &shared, words, 3) {
                    Ok(body) => {
                        assert_eq!(body.size, THERE);
                        good += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            stop.store(true, Relaxed);
        });
        // SAFETY: as above.
        unsafe { Arena::release(arena.as_ptr()) };
    }
}
