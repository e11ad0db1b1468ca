//! A pseudo-terminal, in place of a serial line and what is at its other end.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::OFlags;
use rustix::ioctl::{Getter, Opcode, Setter, ioctl};

/// Makes one: one end as a descriptor that never blocks, the other by its path, as a serial port is. It starts out as one
/// that people type at, which is what a program has to undo.
#[expect(
    unsafe_code,
    reason = "two ioctls of the kernel's pseudo-terminals, whose arguments are an int each"
)]
pub fn pty() -> (File, PathBuf) {
    const UNLOCK: Opcode = 0x4004_5431;
    const NUMBER: Opcode = 0x8004_5430;
    let wire = File::options()
        .read(true)
        .write(true)
        .custom_flags((OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed())
        .open("/dev/ptmx")
        .unwrap();
    // SAFETY: TIOCSPTLCK reads an int, TIOCGPTN writes one.
    let number = unsafe {
        ioctl(&wire, Setter::<UNLOCK, i32>::new(0)).unwrap();
        ioctl(&wire, Getter::<NUMBER, u32>::new()).unwrap()
    };
    (wire, PathBuf::from(format!("/dev/pts/{number}")))
}
