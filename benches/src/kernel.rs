//! What the kernel tells of a process: its memory, what it has had of the processors, what it has written. Only Linux is asked.

use std::time::Duration;

/// Bytes of this process's memory that are resident; `None` where there is nobody to ask.
pub(crate) fn resident_bytes() -> Option<u64> {
    // Not from `statm`, which counts in pages.
    linux::status(std::process::id())?.vmrss.map(kibibytes)
}

/// Of those of another process, the bytes that are of no file: neither its program nor what it has mapped of a world.
pub(crate) fn anonymous_bytes_of(process: u32) -> Option<u64> {
    linux::status(process)?.rssanon.map(kibibytes)
}

/// How long the threads of a process have been on a processor, those that have ended not counted.
pub(crate) fn cpu_of(process: u32) -> Duration {
    Duration::from_nanos(linux::cpu_ns(process).unwrap_or_default())
}

/// Bytes that this process has handed to calls for writing to files; `None` where there is nobody to ask.
pub(crate) fn written_bytes() -> Option<u64> {
    linux::written_bytes()
}

fn kibibytes(count: u64) -> u64 {
    count * 1024
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{Process, Status};

    pub(super) fn status(process: u32) -> Option<Status> {
        of(process)?.status().ok()
    }

    pub(super) fn cpu_ns(process: u32) -> Option<u64> {
        // Not from `stat`, which counts in hundredths of a second.
        let times = of(process)?.tasks().ok()?.flatten().filter_map(|task| task.schedstat().ok());
        Some(times.map(|time| time.sum_exec_runtime).sum())
    }

    pub(super) fn written_bytes() -> Option<u64> {
        Some(of(std::process::id())?.io().ok()?.wchar)
    }

    fn of(process: u32) -> Option<Process> {
        Process::new(process.cast_signed()).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    pub(super) struct Status {
        pub(super) vmrss: Option<u64>,
        pub(super) rssanon: Option<u64>,
    }

    pub(super) fn status(_: u32) -> Option<Status> {
        None
    }

    pub(super) fn cpu_ns(_: u32) -> Option<u64> {
        None
    }

    pub(super) fn written_bytes() -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_takes_is_told_in_bytes_and_seconds() {
        let memory = vec![1_u8; 64 << 20];
        let own = anonymous_bytes_of(std::process::id()).expect("Linux tells");
        let resident = resident_bytes().expect("Linux tells");
        for told in [own, resident] {
            assert!((64 << 20..64 << 30).contains(&told), "{told} with {} more", memory.len());
        }
        // What other tests take and give back meanwhile comes in between now and then.
        let is_part = |_| anonymous_bytes_of(std::process::id()) <= resident_bytes();
        assert!((0..100).any(is_part), "{own} of {resident}");
        let cpu = cpu_of(std::process::id());
        assert!(cpu > Duration::ZERO && cpu < Duration::from_secs(3_600), "{cpu:?}");
        assert!(written_bytes().is_some());
    }
}
