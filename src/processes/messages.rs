//! What host and zygotes say to each other: one kind of message, six words, with at most three descriptors.
//!
//! Called by: `zygotes` and `start` in the host, `zygote` and `enlist` in the zygotes.
//!
//! | from the host | means                                       | carries                              |
//! |---------------|---------------------------------------------|--------------------------------------|
//! | Setup         | to a zygote that was spawned, first of all  | nonce, base, size; memory, bell, host |
//! | Terms         | what all workers go by stands: copy it      |                                      |
//! | Spawn         | fork this worker                            | worker, incarnation                  |
//! | Signal        | send a signal to this worker                | pid, value                           |
//! | Activate      | the other zygote is dead: it is your turn   |                                      |
//!
//! | from a zygote | means                                       | carries                              |
//! |---------------|---------------------------------------------|--------------------------------------|
//! | Ready         | the zygote is at work                       | pid; its pidfd                       |
//! | Unfit         | it cannot serve                             | worker: why, value: errno            |
//! | Standby       | a successor is about to exist               | pid 0; its socket                    |
//! | Standby       | it exists                                   | pid; its pidfd                       |
//! | Born          | a worker exists                             | worker, incarnation, pid; its pidfd  |
//! | Refused       | fork failed                                 | worker, incarnation, value: errno    |
//! | Exited        | a worker has ended                          | pid, value: wait status              |
//!
//! Where the kernel has no pidfds, those are missing; so is a worker's when the host has too many files open.

use crate::sys::socket::{self, Nothing, Received};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Setup = 1,
    Terms,
    Spawn,
    Signal,
    Activate,
    Ready,
    Unfit,
    Standby,
    Born,
    Refused,
    Exited,
}

const KINDS: [Kind; 11] = [
    Kind::Setup,
    Kind::Terms,
    Kind::Spawn,
    Kind::Signal,
    Kind::Activate,
    Kind::Ready,
    Kind::Unfit,
    Kind::Standby,
    Kind::Born,
    Kind::Refused,
    Kind::Exited,
];

/// `Unfit`: the library in the worker program has another version, or another layout of the shared memory.
pub const UNFIT_VERSION: u16 = 1;
/// `Unfit`: the shared memory could not be mapped where the host has it.
pub const UNFIT_MAPPING: u16 = 2;
/// `Unfit`: something else that it needs could not be made.
pub const UNFIT_SYSTEM: u16 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    pub kind: Kind,
    pub worker: u16,
    pub incarnation: u32,
    pub pid: i32,
    pub value: i32,
    pub nonce: u64,
    pub base: u64,
    pub size: u64,
}

const WORDS: usize = 6;
/// In every message: a library of another version is found out, whatever it says.
const MARK: u64 = mark(env!("CARGO_PKG_VERSION").as_bytes());

/// The layout's magic, mixed with the library's version (FNV-1a).
const fn mark(version: &[u8]) -> u64 {
    let (mut hash, mut i) = (super::layout::MAGIC, 0);
    while i < version.len() {
        hash = (hash ^ version[i] as u64).wrapping_mul(0x100_0000_01b3);
        i += 1;
    }
    hash
}

impl Message {
    pub const fn new(kind: Kind) -> Message {
        Message { kind, worker: 0, incarnation: 0, pid: 0, value: 0, nonce: 0, base: 0, size: 0 }
    }

    pub fn send(&self, socket: i32, fds: &[i32]) -> Result<(), i32> {
        let head = self.kind as u64 | (self.worker as u64) << 16 | (self.incarnation as u64) << 32;
        let numbers = self.pid as u32 as u64 | (self.value as u32 as u64) << 32;
        socket::send(socket, &[MARK, head, numbers, self.nonce, self.base, self.size], fds)
    }

    /// `Nothing::Foreign` if it is not a message of this version of the library.
    pub fn receive(socket: i32) -> Result<(Message, Received), Nothing> {
        let mut words = [0; WORDS];
        let received = socket::receive(socket, &mut words)?;
        Ok((Message::decode(words).ok_or(Nothing::Foreign)?, received))
    }

    /// As `receive`, but it stays there; the descriptors are copies.
    pub fn peek(socket: i32) -> Result<(Message, Received), Nothing> {
        let mut words = [0; WORDS];
        let received = socket::peek(socket, &mut words)?;
        Ok((Message::decode(words).ok_or(Nothing::Foreign)?, received))
    }

    fn decode(words: [u64; WORDS]) -> Option<Message> {
        let [mark, head, numbers, nonce, base, size] = words;
        let kind = *KINDS.get((head as u16).checked_sub(1)? as usize)?;
        (mark == MARK).then_some(Message {
            kind,
            worker: (head >> 16) as u16,
            incarnation: (head >> 32) as u32,
            pid: numbers as i32,
            value: (numbers >> 32) as i32,
            nonce,
            base,
            size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent_and_strange_ones_are_refused() {
        let (a, b) = socket::pair().unwrap();
        for kind in KINDS {
            let sent = Message {
                worker: 1023,
                incarnation: u32::MAX,
                pid: 4711,
                value: -1,
                nonce: 1,
                base: 2,
                size: u64::MAX,
                ..Message::new(kind)
            };
            sent.send(a.raw(), &[]).unwrap();
            assert_eq!(Message::peek(b.raw()).ok().unwrap().0, sent);
            assert_eq!(Message::receive(b.raw()).ok().unwrap().0, sent);
        }
        let beyond = KINDS.len() as u64 + 1;
        for words in [[MARK, 0, 0, 0, 0, 0], [MARK, beyond, 0, 0, 0, 0], [MARK + 1, 1, 0, 0, 0, 0]] {
            socket::send(a.raw(), &words, &[]).unwrap();
            assert!(matches!(Message::receive(b.raw()), Err(Nothing::Foreign)));
        }
    }
}
