//! How many processors this process may use: affinity mask and control-group quota.

use core::ffi::CStr;
use core::mem::zeroed;

/// At least 1.
pub fn usable() -> usize {
    // SAFETY: a zeroed cpu_set_t is an empty set, and the size given is its own.
    let by_mask = unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        match libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) {
            0 => libc::CPU_COUNT(&set) as usize,
            // More processors than the set can hold: count those that are online.
            _ => libc::sysconf(libc::_SC_NPROCESSORS_ONLN).max(1) as usize,
        }
    };
    let by_quota = quota_v2().or_else(quota_v1).unwrap_or(usize::MAX);
    by_mask.min(by_quota).max(1)
}

/// The control group of this process, as the unified hierarchy ("0::/path") names it.
fn quota_v2() -> Option<usize> {
    let mut own = [0u8; 512];
    let own = read(c"/proc/self/cgroup", &mut own)?;
    let path = own.lines().find_map(|l| l.strip_prefix("0::"))?.trim_end_matches('/');
    let mut file = [0u8; 640];
    let mut text = [0u8; 64];
    let line = read(join(&mut file, "/sys/fs/cgroup", path, "/cpu.max")?, &mut text)?;
    of_line(line)
}

/// "max 100000", or a quota and its period.
fn of_line(line: &str) -> Option<usize> {
    let (quota, period) = line.trim().split_once(' ')?;
    whole(quota.parse().ok()?, period.parse().ok()?)
}

fn quota_v1() -> Option<usize> {
    let mut text = [0u8; 64];
    let quota = read(c"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &mut text)?.trim().parse().ok()?;
    let mut text = [0u8; 64];
    let period = read(c"/sys/fs/cgroup/cpu/cpu.cfs_period_us", &mut text)?.trim().parse().ok()?;
    whole(quota, period)
}

/// Processors' worth of quota, rounded up; none if unlimited (-1 or "max").
fn whole(quota: i64, period: i64) -> Option<usize> {
    (quota > 0 && period > 0).then(|| ((quota - 1) / period + 1) as usize)
}

pub(super) fn join<'a>(buffer: &'a mut [u8], a: &str, b: &str, c: &str) -> Option<&'a CStr> {
    let mut n = 0;
    for part in [a.as_bytes(), b.as_bytes(), c.as_bytes(), &[0]] {
        buffer.get_mut(n..n + part.len())?.copy_from_slice(part);
        n += part.len();
    }
    CStr::from_bytes_until_nul(buffer).ok()
}

pub(super) fn read<'a>(path: &CStr, buffer: &'a mut [u8]) -> Option<&'a str> {
    // SAFETY: a terminated path, a buffer of the length given, and a descriptor that is closed here.
    let n = unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return None;
        }
        let n = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(fd);
        n
    };
    core::str::from_utf8(buffer.get(..usize::try_from(n).ok()?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_rounded_up_and_none_means_unlimited() {
        assert_eq!(whole(150_000, 100_000), Some(2));
        assert_eq!(whole(50_000, 100_000), Some(1));
        assert_eq!(whole(-1, 100_000), None);
        assert_eq!(of_line("250000 100000\n"), Some(3));
        assert_eq!(of_line("max 100000\n"), None);
        assert_eq!(of_line(""), None);
        assert!(usable() >= 1);
    }
}
