//! Which program the workers of a spawned pool run, and how it is told that it is to serve.
//!
//! Called by: `start` in the host, `enlist` in the program that was started.
//!
//! The program is, in this order: what the options name; this program itself, if it has called cf_worker_main(); the
//! installed helper, which knows only functions of shared libraries and registered names. The helper is where the
//! environment says, or beside the library, or where the build put it.
//!
//! One variable of the environment says that a program is to serve: `CFUTURES_WORKER=<descriptor>:<nonce>:<host>:<try>`.

use crate::error::Failure;
use crate::status::{Result, Status};
use crate::sys::program;
use core::ffi::{c_char, c_void, CStr};
use core::fmt::Write;
use core::ptr::null;

pub const VARIABLE: &CStr = c"CFUTURES_WORKER";
const HELPER_VARIABLE: &CStr = c"CFUTURES_WORKER_PROGRAM";
const HELPER: &str = "cfutures-worker";
/// Where the build installs the helper, if it says so.
const BUILT_IN: Option<&str> = option_env!("CFUTURES_LIBEXEC");

/// A terminated text of limited length; what does not fit is refused.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Text<N> {
    pub fn of(parts: core::fmt::Arguments) -> Option<Text<N>> {
        let mut text = Text { bytes: [0; N], used: 0 };
        text.write_fmt(parts).ok().map(|_| text)
    }

    fn of_bytes(bytes: &[u8]) -> Option<Text<N>> {
        let mut text = Text { bytes: [0; N], used: 0 };
        text.push(bytes).ok().map(|_| text)
    }

    fn push(&mut self, bytes: &[u8]) -> core::fmt::Result {
        let end = self.used + bytes.len();
        // One byte stays zero.
        self.bytes[..N - 1].get_mut(self.used..end).ok_or(core::fmt::Error)?.copy_from_slice(bytes);
        self.used = end;
        Ok(())
    }

    pub fn as_cstr(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.push(s.as_bytes())
    }
}

pub struct Program {
    pub path: Text<4096>,
    /// Null: the same as the path.
    argv0: *const c_char,
    /// It is not this program: functions of this program's own file mean nothing to it.
    pub helper: bool,
}

impl Program {
    pub fn argv0(&self) -> *const c_char {
        if self.argv0.is_null() {
            self.path.as_cstr().as_ptr()
        } else {
            self.argv0
        }
    }

    fn other(path: &CStr) -> Option<Program> {
        let helper = !program::is_same_file(path, program::SELF);
        Some(Program { path: Text::of_bytes(path.to_bytes())?, argv0: null(), helper })
    }

    fn own() -> Option<Program> {
        Some(Program { path: Text::of_bytes(program::SELF.to_bytes())?, argv0: program::argv0(), helper: false })
    }
}

/// The program for a pool that is to be spawned.
pub fn choose(given: Option<&CStr>) -> Result<Program, Failure> {
    if let Some(path) = given {
        return Program::other(path)
            .filter(|_| program::is_executable(path))
            .ok_or_else(|| failure(format_args!("the worker program {} cannot be executed", path.to_string_lossy())));
    }
    // A privileged program does not listen to its environment, hence cannot be told to serve.
    let own = (super::enlist::has_run() && !program::is_privileged()).then(Program::own);
    own.flatten().or_else(helper).ok_or_else(|| {
        failure(format_args!(
            "there is no program that worker processes could run: call cf_worker_main() first thing in main(), or \
             install the helper {HELPER}, or name it with cf_options_set_worker_program(), or create the pool before \
             any threads are started"
        ))
    })
}

fn failure(text: core::fmt::Arguments) -> Failure {
    Failure::new(Status::CF_UNSUPPORTED, 0, text)
}

fn helper() -> Option<Program> {
    if let Some(path) = program::env(HELPER_VARIABLE) {
        return Program::other(path).filter(|_| program::is_executable(path));
    }
    let beside = program::file_of(helper as *const c_void).and_then(directory);
    let built_in = BUILT_IN.map(|dir| dir.as_bytes());
    // From <prefix>/lib, from a folder for one architecture in it, and in the build tree.
    let near = ["/../libexec/cfutures/", "/../../libexec/cfutures/", "/"].map(|way| (beside, way));
    near.into_iter().chain([(built_in, "/")]).find_map(|(dir, way)| {
        let mut path = Text::<4096>::of_bytes(dir?)?;
        write!(path, "{way}{HELPER}").ok()?;
        Program::other(path.as_cstr()).filter(|_| program::is_executable(path.as_cstr()))
    })
}

fn directory(file: &'static CStr) -> Option<&'static [u8]> {
    let bytes = file.to_bytes();
    bytes.iter().rposition(|b| *b == b'/').map(|end| &bytes[..end])
}

/// What the variable says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Call {
    pub socket: i32,
    pub nonce: u64,
    pub host: i32,
    /// How often the program has started anew because the memory's place was taken.
    pub attempt: u32,
}

impl Call {
    pub fn parse(value: &CStr) -> Option<Call> {
        let mut parts = value.to_str().ok()?.split(':');
        let call = Call {
            socket: parts.next()?.parse().ok()?,
            nonce: u64::from_str_radix(parts.next()?, 16).ok()?,
            host: parts.next()?.parse().ok()?,
            attempt: parts.next()?.parse().ok()?,
        };
        (call.socket > 2 && call.host > 0 && parts.next().is_none()).then_some(call)
    }

    /// The variable's value.
    pub fn value(&self) -> Option<Text<64>> {
        Text::of(format_args!("{}:{:x}:{}:{}", self.socket, self.nonce, self.host, self.attempt))
    }

    /// The variable with its name, as a program finds it in its environment.
    pub fn entry(&self) -> Option<Text<96>> {
        let value = self.value()?;
        Text::of(format_args!("{}={}", VARIABLE.to_str().ok()?, value.as_cstr().to_str().ok()?))
    }
}

/// This process's environment with one more variable, and without an older one of its name. The strings are borrowed.
///
/// # Safety
/// Nobody changes the environment while the result is in use.
pub unsafe fn environment(with: &CStr) -> Result<Vec<*const c_char>> {
    let mut all = Vec::new();
    let mut at = program::environ();
    // SAFETY: a null-terminated list of terminated strings, which nobody changes.
    unsafe {
        while !at.is_null() && !(*at).is_null() {
            let old = CStr::from_ptr(*at).to_bytes().strip_prefix(VARIABLE.to_bytes());
            if old.is_none_or(|rest| rest.first() != Some(&b'=')) {
                all.try_reserve(1).map_err(|_| Status::CF_NO_MEMORY)?;
                all.push(*at);
            }
            at = at.add(1);
        }
    }
    all.try_reserve(2).map_err(|_| Status::CF_NO_MEMORY)?;
    all.extend([with.as_ptr(), null()]);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_as_they_were_written() {
        let call = Call { socket: 207, nonce: u64::MAX, host: 4711, attempt: 3 };
        assert_eq!(Call::parse(call.value().unwrap().as_cstr()), Some(call));
        assert_eq!(call.entry().unwrap().as_cstr(), c"CFUTURES_WORKER=207:ffffffffffffffff:4711:3");
        for bad in [c"", c"1:2:3:4", c"207:x:1:0", c"207:1:0:0", c"207:1:1", c"207:1:1:0:0", c"207:1:1:0 "] {
            assert_eq!(Call::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_program_that_was_named_comes_first() {
        assert!(choose(Some(c"/bin/sh")).ok().unwrap().helper);
        let own = choose(Some(c"/proc/self/exe")).ok().unwrap();
        assert!(!own.helper && own.argv0() == own.path.as_cstr().as_ptr());
        let refused = choose(Some(c"/no/such/program")).err().unwrap();
        assert_eq!(refused.status, Status::CF_UNSUPPORTED);
        // SAFETY: the failure's own error.
        unsafe { crate::error::cf_error::free(refused.error) };
    }

    #[test]
    fn texts_have_limits() {
        assert_eq!(Text::<4>::of_bytes(b"abc").unwrap().as_cstr(), c"abc");
        assert!(Text::<4>::of_bytes(b"abcd").is_none());
    }
}
