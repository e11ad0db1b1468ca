//! Fuzzes `kiosk_identity`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shared_fuzz::bodies::kiosk_identity(input));
