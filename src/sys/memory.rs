//! How much memory and address space this process may take.
//!
//! Called by: `processes::arena`, once for each pool.

use super::cpus::{join, read};
use core::ffi::CStr;
use core::mem::zeroed;

/// The kernel's estimate of what can be had without swapping.
pub fn available() -> Option<usize> {
    let mut text = [0u8; 512];
    let line = read(c"/proc/meminfo", &mut text)?.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

/// The lowest limit of the control groups that this process is in; none if none is set.
pub fn group_limit() -> Option<usize> {
    let mut own = [0u8; 1024];
    let own = read(c"/proc/self/cgroup", &mut own)?;
    let unified = own.lines().find_map(|l| l.strip_prefix("0::"));
    let memory = own.lines().find_map(|l| l.split_once(":memory:").map(|(_, path)| path));
    let unified = unified.and_then(|p| lowest("/sys/fs/cgroup", p, "/memory.max"));
    let memory = memory.and_then(|p| lowest("/sys/fs/cgroup/memory", p, "/memory.limit_in_bytes"));
    unified.into_iter().chain(memory).min()
}

/// The least of a group's limit and those of the groups around it.
fn lowest(root: &str, path: &str, file: &str) -> Option<usize> {
    let mut path = path.trim_end_matches('/');
    let mut least = None;
    loop {
        let mut name = [0u8; 768];
        if let Some(limit) = join(&mut name, root, path, file).and_then(number) {
            least = Some(least.map_or(limit, |l: usize| l.min(limit)));
        }
        match path.rfind('/') {
            Some(cut) => path = &path[..cut],
            None => return least,
        }
    }
}

fn number(path: &CStr) -> Option<usize> {
    let mut text = [0u8; 64];
    read(path, &mut text)?.trim().parse().ok()
}

/// What RLIMIT_AS leaves beside what is mapped already; none without a limit.
pub fn address_space_left() -> Option<usize> {
    let limit = limit_of(libc::RLIMIT_AS)?;
    let mut text = [0u8; 128];
    let used = read(c"/proc/self/statm", &mut text).and_then(|t| t.split(' ').next()?.parse::<usize>().ok());
    Some(limit.saturating_sub(used.unwrap_or(0).saturating_mul(super::pages::PAGE)))
}

/// The largest file that this process may make; none without a limit.
pub fn file_size_limit() -> Option<usize> {
    limit_of(libc::RLIMIT_FSIZE)
}

fn limit_of(which: libc::__rlimit_resource_t) -> Option<usize> {
    // SAFETY: a structure of the size that the call expects.
    unsafe {
        let mut limit: libc::rlimit64 = zeroed();
        if libc::getrlimit64(which, &mut limit) != 0 || limit.rlim_cur == libc::RLIM64_INFINITY {
            return None;
        }
        usize::try_from(limit.rlim_cur).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_found() {
        assert!(available().unwrap() > 1 << 20);
        assert!(group_limit().is_none_or(|l| l > 1 << 20));
    }
}
