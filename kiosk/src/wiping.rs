//! The program's memory, wiped whenever it is given back: frames, crops, templates, decrypted claims, and what the face
//! models and the decoders of pictures made of them.
//!
//! Types that hold secrets wipe themselves too. What this cannot reach: what libraries in C take for themselves (SQLite,
//! OSDP, the cryptography, which wipes its own), stacks, and registers.
#![expect(
    unsafe_code,
    reason = "an allocator is made of unsafe functions, and this one adds nothing to the system's but zeros"
)]

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator; what is given back is wiped first.
pub struct Wiping;

// SAFETY: memory comes from the system's allocator and goes back to it, with the same layout.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the same rules.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the same rules.
        unsafe { System.alloc_zeroed(layout) }
    }

    // `realloc` is left to the trait, which takes new memory and gives the old back here: the system's own would leave a
    // copy behind.

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory is the caller's, and as long as the layout says. A plain write would be optimized away.
        unsafe {
            libc::explicit_bzero(memory.cast(), layout.size());
            System.dealloc(memory, layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of a size that nothing else here asks for comes back from the system as it was left.
    #[test]
    fn what_is_given_back_is_wiped() {
        let layout = Layout::from_size_align(99_991, 1).unwrap();
        let mut seen = 0;
        for _ in 0..100 {
            // SAFETY: the memory is used between taking it and giving it back, and no further than it goes.
            unsafe {
                let memory = Wiping.alloc(layout);
                assert!(!memory.is_null());
                // The system keeps its lists in the first bytes of free memory.
                let rest = std::slice::from_raw_parts_mut(memory.add(64), layout.size() - 64);
                // Whoever had it in between, on another thread, may have left such a byte, but not so many in a row.
                seen += rest.windows(32).filter(|bytes| bytes.iter().all(|byte| *byte == 0xa5)).count();
                rest.fill(0xa5);
                Wiping.dealloc(memory, layout);
            }
        }
        assert_eq!(seen, 0);
    }
}
