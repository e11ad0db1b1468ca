//! What the program's own process leaves behind: no core dump, no memory that another program of the same user reads,
//! and nothing on a swap disk.

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Switches core dumps off, for children too, and keeps other processes of the same user out of the memory.
pub fn keep_to_itself() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // Core dumps through a pipe do not ask for the limit; they do ask for this.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Returns whether a crash would write no memory to a disk.
pub fn dumps_no_core() -> bool {
    getrlimit(Resource::Core).maximum == Some(0)
        && dumpable_behavior().is_ok_and(|behavior| behavior == DumpableBehavior::NotDumpable)
}

/// Where this process's memory could go when memory is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// Nowhere.
    None,
    /// To a disk.
    Disk,
    /// It cannot be seen from here.
    Unknown,
}

/// Looks at the service's own limit first, then at what the machine has.
pub fn swap() -> Swap {
    let own = fs::read_to_string("/proc/self/cgroup").ok();
    let limit = own.as_deref().and_then(own_group).and_then(|group| {
        let file = Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/')).join("memory.swap.max");
        fs::read_to_string(file).ok()
    });
    swap_of(limit.as_deref(), fs::read_to_string("/proc/swaps").ok().as_deref())
}

/// The control group in the unified hierarchy.
fn own_group(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}

fn swap_of(limit: Option<&str>, swaps: Option<&str>) -> Swap {
    if limit.is_some_and(|limit| limit.trim() == "0") {
        return Swap::None;
    }
    // After a heading, one line each; compressed memory stays memory.
    let disks = |swaps: &str| swaps.lines().skip(1).any(|line| !line.starts_with("/dev/zram"));
    match swaps {
        Some(swaps) if disks(swaps) => Swap::Disk,
        Some(_) => Swap::None,
        None => Swap::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_is_a_disk_unless_the_service_or_the_machine_has_none() {
        let heading = "Filename\tType\tSize\tUsed\tPriority\n";
        let disk = format!("{heading}/dev/zram0 partition 8 0 100\n/dev/sda2 partition 8 0 -2\n");
        assert_eq!(swap_of(Some("0\n"), Some(&disk)), Swap::None);
        assert_eq!(swap_of(Some("max\n"), Some(&disk)), Swap::Disk);
        assert_eq!(swap_of(None, Some(&disk)), Swap::Disk);
        assert_eq!(swap_of(None, Some(&format!("{heading}/dev/zram0 partition 8 0 100\n"))), Swap::None);
        assert_eq!(swap_of(Some("max\n"), Some(heading)), Swap::None);
        assert_eq!(swap_of(None, None), Swap::Unknown);
        let groups = "1:name=x:/y\n0::/system.slice/kiosk-core.service\n";
        assert_eq!(own_group(groups), Some("/system.slice/kiosk-core.service"));
    }
}
