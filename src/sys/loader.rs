//! The loaded objects of this process: the program and its shared libraries.
//!
//! Called by: `processes::functions`, in the host to say where a function lies, in a worker to find it again.
//!
//! Always true:
//! - a closure that is called here runs under the loader's lock; it calls nothing that takes another;
//! - no thread of the library's callers is in there while this process forks a zygote (`hold`): glibc before 2.37 leaves
//!   the loader's lock held in the child if another thread held it, and a worker would wait for it for ever.

use crate::sync::{Lock, LockGuard};
use core::ffi::{c_char, c_int, c_void, CStr};
use core::mem::{offset_of, zeroed};

pub const ID: usize = 32;
static IN_USE: Lock<()> = Lock::new(());

/// Keeps everybody out of the loader, as far as they come through here, while this process forks.
pub fn hold() -> LockGuard<'static, ()> {
    IN_USE.lock()
}

/// In a forked child, which has none of the threads that may have been in there.
pub fn after_fork() {
    // SAFETY: the holder does not exist here.
    unsafe { IN_USE.break_open() };
}

const NOTE_BUILD_ID: u32 = 3;

/// Objects ever loaded and unloaded: while they stay, an address means what it meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub loaded: u64,
    pub unloaded: u64,
}

/// One object, as the loader shows it. Valid during the call that it is given to.
pub struct Object<'a> {
    base: usize,
    headers: &'a [libc::Elf64_Phdr],
    name: *const c_char,
    pub is_program: bool,
}

/// Calls `each` with every loaded object, the program first, until it is false.
pub fn each_object(mut each: impl FnMut(&Object) -> bool) {
    let mut first = true;
    walk(|info, _| {
        let object = Object::new(info, core::mem::replace(&mut first, false));
        object.is_kernels() || each(&object)
    });
}

pub fn counts() -> Counts {
    let mut counts = Counts::default();
    walk(|info, size| {
        // Older loaders give a shorter record; without counts a cache is never valid for long: see `functions`.
        if size >= offset_of!(libc::dl_phdr_info, dlpi_subs) + size_of::<u64>() {
            counts = Counts { loaded: info.dlpi_adds, unloaded: info.dlpi_subs };
        }
        false
    });
    counts
}

fn walk<F: FnMut(&libc::dl_phdr_info, usize) -> bool>(mut each: F) {
    unsafe extern "C" fn one<F: FnMut(&libc::dl_phdr_info, usize) -> bool>(
        info: *mut libc::dl_phdr_info,
        size: usize,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader's record, and the closure that `walk` keeps until the call returns.
        unsafe { !(*data.cast::<F>())(&*info, size) as c_int }
    }
    let _alone = hold();
    // SAFETY: the callback and its data belong together.
    unsafe { libc::dl_iterate_phdr(Some(one::<F>), (&raw mut each).cast()) };
}

impl Object<'_> {
    fn new(info: &libc::dl_phdr_info, is_program: bool) -> Object<'_> {
        let headers = match info.dlpi_phdr.is_null() {
            true => &[][..],
            // SAFETY: the loader's own table of program headers.
            false => unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) },
        };
        Object { base: info.dlpi_addr as usize, headers, name: info.dlpi_name, is_program }
    }

    /// The object that the kernel maps into every process has no file.
    fn is_kernels(&self) -> bool {
        // SAFETY: always allowed; 0 where the kernel tells nothing.
        let kernels = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
        kernels != 0 && self.segments(libc::PT_LOAD).any(|(at, size, _)| (at..at + size).contains(&kernels))
    }

    /// Where segments of a kind lie in memory, their size and their flags.
    fn segments(&self, kind: u32) -> impl Iterator<Item = (usize, usize, u32)> + '_ {
        let place = move |h: &libc::Elf64_Phdr| {
            let at = self.base.wrapping_add(h.p_vaddr as usize);
            (at, h.p_memsz as usize, h.p_flags)
        };
        self.headers.iter().filter(move |h| h.p_type == kind).map(place)
    }

    /// From the load address; none if no code of this object lies there.
    pub fn offset_of(&self, address: usize) -> Option<u64> {
        let here = |(at, size, flags): (usize, usize, u32)| flags & libc::PF_X != 0 && address.wrapping_sub(at) < size;
        self.segments(libc::PT_LOAD).any(here).then(|| address.wrapping_sub(self.base) as u64)
    }

    /// The other way; none if no code lies there.
    pub fn address_of(&self, offset: u64) -> Option<usize> {
        let address = self.base.wrapping_add(offset as usize);
        self.offset_of(address).map(|_| address)
    }

    /// The name that it was loaded by; empty for the program.
    pub fn name(&self) -> &CStr {
        if self.name.is_null() {
            return c"";
        }
        // SAFETY: the loader's own terminated string.
        unsafe { CStr::from_ptr(self.name) }
    }

    /// The linker's note of what this object is; of a longer one the first 32 bytes.
    pub fn build_id(&self) -> Option<([u8; ID], usize)> {
        self.segments(libc::PT_NOTE).find_map(|(at, size, flags)| {
            let inside = |(a, n, f): (usize, usize, u32)| f & libc::PF_R != 0 && a <= at && at + size <= a + n;
            if flags & libc::PF_R == 0 || !self.segments(libc::PT_LOAD).any(inside) {
                return None;
            }
            // SAFETY: inside a readable segment of a loaded object.
            let note = unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at), size) };
            build_id_in(note)
        })
    }
}

/// Notes follow each other: three words (sizes of name and content, type), name, content, each padded to 4 bytes.
fn build_id_in(mut note: &[u8]) -> Option<([u8; ID], usize)> {
    loop {
        let word = |i: usize| Some(u32::from_ne_bytes(note.get(i..i + 4)?.try_into().ok()?));
        let (name, content, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
        let start = 12 + name.checked_next_multiple_of(4)?;
        let id = note.get(start..start.checked_add(content)?)?;
        if kind == NOTE_BUILD_ID && note.get(12..12 + name)? == b"GNU\0" && !id.is_empty() {
            let mut copy = [0; ID];
            let n = id.len().min(ID);
            copy[..n].copy_from_slice(&id[..n]);
            return Some((copy, n));
        }
        note = note.get(start + content.checked_next_multiple_of(4)?..)?;
    }
}

/// Device, inode, size and time of a file: what stands in for a build id on one machine.
pub fn file_id(path: &CStr) -> Option<[u8; ID]> {
    // SAFETY: a terminated path and a structure of the size that the call expects.
    let stat = unsafe {
        let mut stat: libc::stat64 = zeroed();
        match libc::stat64(path.as_ptr(), &mut stat) {
            0 => stat,
            _ => return None,
        }
    };
    let mut id = [0; ID];
    let time = (stat.st_mtime as u64).wrapping_mul(1_000_000_000).wrapping_add(stat.st_mtime_nsec as u64);
    for (place, value) in id.chunks_exact_mut(8).zip([stat.st_dev, stat.st_ino, stat.st_size as u64, time]) {
        place.copy_from_slice(&value.to_ne_bytes());
    }
    Some(id)
}

/// The program that runs, also when its file has been replaced or removed.
pub const PROGRAM: &CStr = c"/proc/self/exe";

/// Writes the whole path of a file into `buffer`; empty if it does not fit.
pub fn whole_path<'a>(name: &CStr, buffer: &'a mut [u8]) -> &'a CStr {
    let mut path = [0u8; libc::PATH_MAX as usize];
    // SAFETY: a terminated name and room for the longest path.
    let found = unsafe { !libc::realpath(name.as_ptr(), path.as_mut_ptr().cast()).is_null() };
    let bytes = if found { CStr::from_bytes_until_nul(&path).unwrap_or(c"") } else { name }.to_bytes_with_nul();
    match buffer.get_mut(..bytes.len()) {
        Some(place) => {
            place.copy_from_slice(bytes);
            CStr::from_bytes_until_nul(place).unwrap_or(c"")
        }
        None => c"",
    }
}

/// Loads a library for good; the loader's words if it cannot.
pub fn load(path: &CStr) -> Result<(), &CStr> {
    // SAFETY: a terminated path; what its initializers do is the task author's affair. The handle is never closed.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: the loader's own text, valid until its next call in this thread.
    unsafe {
        match libc::dlerror() {
            text if text.is_null() => Err(c"no reason given"),
            text => Err(CStr::from_ptr(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_with_its_padding() {
        let mut note = Vec::new();
        let mut add = |name: &[u8], content: &[u8], kind: u32| {
            for word in [name.len() as u32, content.len() as u32, kind] {
                note.extend(word.to_ne_bytes());
            }
            note.extend(name);
            note.resize(note.len().next_multiple_of(4), 0);
            note.extend(content);
            note.resize(note.len().next_multiple_of(4), 0);
        };
        add(b"GNU\0", &[1; 16], 1);
        add(b"Go\0", &[2; 7], 4);
        add(b"GNU\0", &[3; 20], 3);
        let (id, n) = build_id_in(&note).unwrap();
        assert_eq!((&id[..n], n), (&[3; 20][..], 20));
        for cut in 0..note.len() {
            assert_eq!(build_id_in(&note[..cut]), None);
        }
        assert_eq!(build_id_in(&[0xff; 64]), None);
    }

    #[test]
    fn the_program_comes_first_and_the_kernels_object_never() {
        let mut names = Vec::new();
        each_object(|o| {
            names.push((o.is_program, o.name().to_owned()));
            true
        });
        assert!(names[0].0 && names.len() > 1 && names[1..].iter().all(|(program, name)| !program && !name.is_empty()));
        assert!(names.iter().all(|(_, n)| !n.to_string_lossy().contains("vdso")));
        assert!(counts().loaded > 0);
        assert_eq!(
            file_id(PROGRAM),
            file_id(&std::ffi::CString::new(std::env::current_exe().unwrap().to_str().unwrap()).unwrap())
        );
    }
}
