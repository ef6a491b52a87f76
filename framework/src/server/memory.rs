//! How much memory the world may take when nobody has said it.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Half of what the machine has, or of what its control group leaves this process.
pub(crate) fn memory_unless_set() -> u64 {
    let known = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    // Where the system does not say, its answer is none at all, or zero.
    let machine = System::new_with_specifics(known).map_or(0, |system| {
        let group = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
        system.total_memory().min(group)
    });
    if machine == 0 { FALLBACK_BYTES } else { machine / 2 }
}

/// What even a small machine has.
const FALLBACK_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_some_part_of_the_machine() {
        let bytes = memory_unless_set();
        assert!(bytes > 16 << 20 && bytes < 1 << 50, "{bytes}");
    }
}
