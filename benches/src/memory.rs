//! How much memory a process has resident, as the kernel tells it.

/// Bytes of memory that are resident; `None` where there is nobody to ask.
pub(crate) fn resident_bytes() -> Option<u64> {
    // Not `/proc/self/statm`, which counts in pages of a size that only the C library knows.
    resident_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Of those of another process, the bytes that are of no file: neither its program nor what it has mapped of a world.
pub(crate) fn anonymous_bytes_of(process: u32) -> Option<u64> {
    bytes_in(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?, "RssAnon:")
}

fn resident_of(status: &str) -> Option<u64> {
    bytes_in(status, "VmRSS:")
}

fn bytes_in(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_in_units_of_1024_bytes() {
        let status = "Name:\tbenches\nVmPeak:\t  999 kB\nVmRSS:\t    1234 kB\nThreads:\t3\n";
        assert_eq!(resident_of(status), Some(1234 * 1024));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        for status in ["", "VmRSS: many kB", "VmRSS: 12 pages", "RssAnon: 12 kB"] {
            assert_eq!(resident_of(status), None, "{status}");
        }
    }
}
