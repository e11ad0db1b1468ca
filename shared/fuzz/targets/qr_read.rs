//! Fuzzes `qr_read`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shared_fuzz::bodies::qr_read(input));
