//! Pairs of sockets that carry small messages of a fixed size, with descriptors.
//!
//! Called by: `processes`, between host and zygotes.
//!
//! Always true: a message arrives whole or not at all, also when its sender is gone, nothing blocks, nothing raises
//! SIGPIPE, and what arrives is close-on-exec.

use super::fd::Fd;
use super::{errno, poll};
use core::mem::{size_of_val, zeroed};

/// At most so many descriptors go with a message.
pub const MOST_FDS: usize = 4;
/// Room for the control message that carries them, in the alignment that it wants.
type Control = [u64; 8];

pub fn pair() -> Result<(Fd, Fd), i32> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    match unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()) } {
        -1 => Err(errno()),
        _ => Ok((Fd::from_raw(fds[0]), Fd::from_raw(fds[1]))),
    }
}

/// Sends words and copies of descriptors. `Err(EAGAIN)`: the other side has not read enough yet.
pub fn send(socket: i32, words: &[u64], fds: &[i32]) -> Result<(), i32> {
    debug_assert!(fds.len() <= MOST_FDS);
    let mut control: Control = [0; 8];
    let mut part = libc::iovec { iov_base: words.as_ptr().cast_mut().cast(), iov_len: size_of_val(words) };
    // SAFETY: the header names the words, which are only read, and the control message, which has room for as many
    // descriptors as are allowed.
    unsafe {
        let mut header: libc::msghdr = zeroed();
        (header.msg_iov, header.msg_iovlen) = (&mut part, 1);
        if !fds.is_empty() {
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = libc::CMSG_SPACE(size_of_val(fds) as u32) as _;
            let message = libc::CMSG_FIRSTHDR(&header);
            (*message).cmsg_level = libc::SOL_SOCKET;
            (*message).cmsg_type = libc::SCM_RIGHTS;
            (*message).cmsg_len = libc::CMSG_LEN(size_of_val(fds) as u32) as _;
            core::ptr::copy_nonoverlapping(fds.as_ptr(), libc::CMSG_DATA(message).cast(), fds.len());
        }
        loop {
            if libc::sendmsg(socket, &header, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) >= 0 {
                return Ok(());
            }
            if errno() != libc::EINTR {
                return Err(errno());
            }
        }
    }
}

/// What a message brought besides its words.
#[derive(Default)]
pub struct Received {
    pub fds: [Option<Fd>; MOST_FDS],
}

#[derive(Debug, PartialEq)]
pub enum Nothing {
    /// Nothing there now.
    Yet,
    /// The other side is gone.
    Ever,
    /// A message of another size: not from this library.
    Foreign,
}

/// Receives a message of just this size. Descriptors that this process has no room for are missing.
pub fn receive(socket: i32, words: &mut [u64]) -> Result<Received, Nothing> {
    receive_with(socket, words, 0)
}

/// As `receive`, but the message stays there; its descriptors are copies.
pub fn peek(socket: i32, words: &mut [u64]) -> Result<Received, Nothing> {
    receive_with(socket, words, libc::MSG_PEEK)
}

fn receive_with(socket: i32, words: &mut [u64], flags: i32) -> Result<Received, Nothing> {
    let mut control: Control = [0; 8];
    let mut part = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: size_of_val(words) };
    let mut received = Received::default();
    // SAFETY: the header names writable memory of the lengths given; the control message is read as the kernel wrote it.
    unsafe {
        let mut header: libc::msghdr = zeroed();
        (header.msg_iov, header.msg_iovlen) = (&mut part, 1);
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = libc::CMSG_SPACE((MOST_FDS * size_of::<i32>()) as u32) as _;
        let flags = flags | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC | libc::MSG_TRUNC;
        let mut reset = false;
        let size = loop {
            match libc::recvmsg(socket, &mut header, flags) {
                -1 if errno() == libc::EINTR => continue,
                // The other side is gone and has not read everything. That is told once, before its last messages.
                -1 if errno() == libc::ECONNRESET && !reset => reset = true,
                // Without memory the message stays where it is, and the descriptor readable.
                -1 if matches!(errno(), libc::EAGAIN | libc::ENOMEM | libc::ENOBUFS) => return Err(Nothing::Yet),
                -1 => return Err(Nothing::Ever),
                size => break size as usize,
            }
        };
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while let Some(m) = message.as_ref() {
            if m.cmsg_level == libc::SOL_SOCKET && m.cmsg_type == libc::SCM_RIGHTS {
                let n = (m.cmsg_len - libc::CMSG_LEN(0) as usize) / size_of::<i32>();
                for (i, to) in received.fds.iter_mut().enumerate().take(n) {
                    *to = Some(Fd::from_raw(libc::CMSG_DATA(m).cast::<i32>().add(i).read_unaligned()));
                }
            }
            message = libc::CMSG_NXTHDR(&header, m);
        }
        match size {
            0 => Err(Nothing::Ever),
            n if n == size_of_val(words) => Ok(received),
            _ => Err(Nothing::Foreign),
        }
    }
}

/// The other side is gone, whatever it may still have said.
pub fn has_ended(socket: i32) -> bool {
    let mut entries = [poll::entry(socket, poll::POLLRDHUP)];
    poll::wait(&mut entries, 0) > 0
}

/// Neither side reads or writes any more, whoever else has copies of the descriptor.
pub fn shut(socket: i32) {
    // SAFETY: no pointers are involved.
    unsafe { libc::shutdown(socket, libc::SHUT_RDWR) };
}

/// The process that made the other side; `None` if this is no such socket.
pub fn peer_pid(socket: i32) -> Option<i32> {
    // SAFETY: a zeroed ucred is a value, and its size is given.
    unsafe {
        let mut peer: libc::ucred = zeroed();
        let mut size = size_of::<libc::ucred>() as libc::socklen_t;
        let rc = libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut peer).cast(), &mut size);
        (rc == 0).then_some(peer.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_descriptors_arrive_whole() {
        let (a, b) = pair().unwrap();
        let mut words = [0; 3];
        assert_eq!(receive(b.raw(), &mut words).err(), Some(Nothing::Yet));
        send(a.raw(), &[1, 2, 3], &[a.raw(), b.raw()]).unwrap();
        let seen = peek(b.raw(), &mut words).ok().unwrap();
        assert_eq!((words, seen.fds.iter().flatten().count()), ([1, 2, 3], 2));
        words = [0; 3];
        let got = receive(b.raw(), &mut words).ok().unwrap();
        assert_eq!((words, got.fds.iter().flatten().count()), ([1, 2, 3], 2));
        assert_eq!(peer_pid(got.fds[0].as_ref().unwrap().raw()), Some(std::process::id() as i32));
        send(a.raw(), &[1, 2, 3, 4], &[]).unwrap();
        assert_eq!(receive(b.raw(), &mut words).err(), Some(Nothing::Foreign));
        shut(a.raw());
        assert_eq!(receive(b.raw(), &mut words).err(), Some(Nothing::Ever));
        assert_eq!(send(b.raw(), &[1], &[]), Err(libc::EPIPE));
        assert_eq!(peer_pid(0), None);
    }

    #[test]
    fn last_words_are_heard_though_something_is_left_unread() {
        let (a, b) = pair().unwrap();
        let mut words = [0; 3];
        send(a.raw(), &[1, 2, 3], &[]).unwrap();
        for i in 0..2 {
            send(b.raw(), &[4, 5, i], &[]).unwrap();
        }
        drop(b);
        for i in 0..2 {
            assert!(receive(a.raw(), &mut words).is_ok());
            assert_eq!(words, [4, 5, i]);
        }
        assert_eq!(receive(a.raw(), &mut words).err(), Some(Nothing::Ever));
    }
}
