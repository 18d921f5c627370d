//! Functions of the program, of the C library, of libraries that come, go and change, and those that have a name.

use super::*;
use crate::task::cf_task;
use core::ffi::c_void;
use std::ffi::CString;
use std::process::Command;

unsafe extern "C-unwind" fn one(_: *mut cf_task, _: *mut c_void, _: usize) -> i32 {
    1
}
unsafe extern "C-unwind" fn two(_: *mut cf_task, _: *mut c_void, _: usize) -> i32 {
    2
}
unsafe extern "C-unwind" fn named(_: *mut cf_task, _: *mut c_void, _: usize) -> i32 {
    3
}

fn with(f: impl FnOnce(&Arena, &Functions)) {
    let arena = Arena::new(Some(64 << 20)).map_err(|f| f.status).unwrap();
    // SAFETY: one reference, given up here.
    unsafe {
        f(arena.as_ref(), &Functions::new());
        Arena::release(arena.as_ptr());
    }
}

fn at(address: usize) -> TaskFn {
    // SAFETY: never called as such.
    unsafe { core::mem::transmute(address) }
}

fn entry(arena: &Arena, id: u32) -> Function {
    // SAFETY: plain bytes.
    unsafe { core::ptr::read(&arena.slice::<Function>(FUNCTIONS, MOST_FUNCTIONS)[id as usize - 1]) }
}

fn why(entry: &Function) -> Result<usize, CString> {
    let mut why = Reason::new();
    look_up(entry, &mut why).ok_or_else(|| why.text().to_owned())
}

/// Without the cache, which all tests share.
fn resolved_to(arena: &Arena, id: u32) -> Result<usize, CString> {
    why(&entry(arena, id))
}

#[test]
fn functions_of_program_and_libraries_are_found_again() {
    with(|arena, functions| {
        let c_library = at(libc::getpid as *const () as usize);
        for f in [one, two, c_library] {
            let id = functions.identify(arena, f, false).unwrap();
            assert_eq!(functions.identify(arena, f, false), Ok(id));
            assert_eq!(resolved_to(arena, id), Ok(f as usize));
        }
        assert_eq!(functions.0.lock().known.len(), 3);
        let fresh = Functions::new();
        assert_eq!(fresh.identify(arena, one, true), Err(Status::CF_UNKNOWN_FUNCTION));
        assert!(fresh.identify(arena, c_library, true).is_ok());
    });
}

#[test]
fn what_is_in_no_object_is_unknown() {
    with(|arena, functions| {
        let page = pages::map(pages::PAGE).unwrap();
        let local = 0u64;
        for address in [page.as_ptr() as usize, &raw const local as usize, 16, usize::MAX - 64] {
            assert_eq!(functions.identify(arena, at(address), false), Err(Status::CF_UNKNOWN_FUNCTION));
        }
        // SAFETY: mapped above. The kernel's own object: always allowed to ask.
        let kernels = unsafe {
            pages::unmap(page.as_ptr(), pages::PAGE);
            libc::getauxval(libc::AT_SYSINFO_EHDR) as usize
        };
        if kernels != 0 {
            assert_eq!(functions.identify(arena, at(kernels + 1024), false), Err(Status::CF_UNKNOWN_FUNCTION));
        }
    });
}

#[test]
fn names_win_and_are_missed_in_a_worker() {
    with(|arena, functions| {
        let by_object = functions.identify(arena, named, false).unwrap();
        names::register(c"functions.named", named).unwrap();
        let by_name = functions.identify(arena, named, true).unwrap();
        assert_ne!(by_object, by_name);
        assert_eq!(resolved_to(arena, by_name), Ok(named as *const () as usize));
        let mut e = entry(arena, by_name);
        e.path[0] = b'x';
        assert_eq!(why(&e), Ok(named as *const () as usize), "by its object");
        e.id_size = 0;
        assert_eq!(why(&e).unwrap_err().as_c_str(), c"no task is registered as 'xunctions.named' in the worker");
    });
}

#[test]
fn resolve_remembers() {
    with(|arena, functions| {
        let id = functions.identify(arena, two, false).unwrap();
        let table = arena.slice::<Function>(FUNCTIONS, MOST_FUNCTIONS);
        for _ in 0..2 {
            let f = resolve(table, id, &mut Reason::new()).unwrap();
            // SAFETY: the function above, which uses nothing.
            assert_eq!(unsafe { f(null_mut(), null_mut(), 0) }, 2);
        }
        with(|other, functions| {
            let other_id = functions.identify(other, one, false).unwrap();
            assert_eq!(other_id, id);
            let f = resolve(other.slice(FUNCTIONS, MOST_FUNCTIONS), id, &mut Reason::new()).unwrap();
            assert_eq!(f as usize, one as *const () as usize, "another pool's ids mean something else");
        });
        for id in [0, MOST_FUNCTIONS as u32 + 1, u32::MAX] {
            let mut why = Reason::new();
            assert!(resolve(table, id, &mut why).is_none() && why.text().to_str().unwrap().contains("number"));
        }
    });
}

/// Compiles a library with one function; false where there is no compiler.
fn library(path: &str, value: i32, more: &[&str]) -> bool {
    let source = format!("{path}.c");
    std::fs::write(&source, format!("int task(void *t, void *a, unsigned long n) {{ return {value}; }}")).unwrap();
    let out = format!("{path}.new");
    let done = Command::new("cc").args(["-shared", "-fPIC", "-o", &out, &source]).args(more).status();
    done.is_ok_and(|s| s.success()) && std::fs::rename(out, path).is_ok()
}

fn library_changes(name: &str, more: &[&str]) {
    let directory = std::env::temp_dir().join(format!("cfutures-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("libtask.so").to_str().unwrap().to_owned();
    let c_path = CString::new(path.clone()).unwrap();
    if !library(&path, 1, more) {
        return;
    }
    // SAFETY: a library of our own; its function is of the type that it is taken for.
    let open = || unsafe {
        let handle = libc::dlopen(c_path.as_ptr(), libc::RTLD_NOW);
        (handle, at(libc::dlsym(handle, c"task".as_ptr()) as usize))
    };
    with(|arena, functions| {
        let (handle, f) = open();
        let id = functions.identify(arena, f, true).unwrap();
        assert_eq!(functions.identify(arena, f, false), Ok(id));
        assert_eq!(resolved_to(arena, id), Ok(f as usize));
        // SAFETY: nobody uses the library. Unloaded here, it is as in a worker that never had it.
        unsafe { libc::dlclose(handle) };
        assert_eq!(functions.identify(arena, f, false), Err(Status::CF_UNKNOWN_FUNCTION), "the cache was dropped");
        let again = resolved_to(arena, id).unwrap();
        // SAFETY: the function of the library.
        assert_eq!(unsafe { at(again)(null_mut(), null_mut(), 0) }, 1);
        let (handle, g) = open();
        assert_eq!((functions.identify(arena, g, false), again), (Ok(id), g as usize));
        // SAFETY: nobody uses the library: once for `open`, once for `resolved_to`.
        unsafe { (libc::dlclose(handle), libc::dlclose(handle)) };
        library(&path, 2, more);
        let why = resolved_to(arena, id).unwrap_err();
        assert!(why.to_str().unwrap().ends_with("libtask.so has changed on disk since it was loaded"), "{why:?}");
        let handle = open().0;
        // SAFETY: as above.
        unsafe { (libc::dlclose(handle), libc::dlclose(handle)) };
        std::fs::remove_dir_all(&directory).unwrap();
        let why = resolved_to(arena, id).unwrap_err();
        assert!(why.to_str().unwrap().starts_with("cannot load /"), "{why:?}");
    });
}

#[test]
fn a_library_with_a_build_id_is_loaded_and_compared() {
    library_changes("id", &["-Wl,--build-id=sha1"]);
}

#[test]
fn a_library_without_a_build_id_is_known_by_its_file() {
    library_changes("file", &["-Wl,--build-id=none"]);
}

#[test]
fn a_text_that_is_too_long_is_cut() {
    let long = "ä".repeat(300);
    let mut reason = Reason::new();
    assert_eq!(reason.say::<()>(format_args!("x{long}")), None);
    assert_eq!(reason.text().to_str().unwrap().chars().count(), 128);
}
