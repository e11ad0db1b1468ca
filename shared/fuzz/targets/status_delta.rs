//! Fuzzes `status_delta`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shared_fuzz::bodies::status_delta(input));
