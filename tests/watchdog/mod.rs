//! Ends a test that hangs, and shows first where its processes stand: the program itself, its zygotes and its workers.
//!
//! Used by the tests with a main of their own. The script is that of the C tests.
#![allow(dead_code)] // one wants the alarm, another one has its own

use core::ptr::{null, null_mut};

/// Run as `sh -c <script> sh <pid>`, wherever the program was built.
const SCRIPT: &str = concat!(include_str!("../../c-tests/harness/stacks.sh"), "\0");

/// The program is ended by SIGALRM if this is not called again within that time.
pub fn start(seconds: u32) {
    // SAFETY: a handler that keeps to what a handler may do.
    unsafe {
        libc::signal(libc::SIGALRM, hangs as extern "C" fn(_) as libc::sighandler_t);
        libc::alarm(seconds);
    }
}

extern "C" fn hangs(_signal: libc::c_int) {
    show_stacks();
    // SAFETY: as above. It comes when this handler has ended.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::raise(libc::SIGALRM);
    }
}

/// Writes the stack of every thread to the standard error. For signal handlers too: the copy is made without fork(),
/// which waits for malloc's lock, and nothing allocates.
pub fn show_stacks() {
    let mut pid = [0 as libc::c_char; 16];
    // SAFETY: terminated strings, a list that ends with NULL, and a child that only executes another program.
    unsafe {
        libc::snprintf(pid.as_mut_ptr(), pid.len(), c"%d".as_ptr(), libc::getpid());
        let argv = [c"sh".as_ptr(), c"-c".as_ptr(), SCRIPT.as_ptr().cast(), c"sh".as_ptr(), pid.as_ptr(), null()];
        libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0);
        let child = libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::pid_t;
        if child == 0 {
            libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO);
            libc::execv(c"/bin/sh".as_ptr(), argv.as_ptr());
            libc::_exit(127);
        }
        if child > 0 {
            libc::waitpid(child, null_mut(), 0);
        }
    }
}
