//! Fuzzes `visible_digital_seal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shared_fuzz::bodies::visible_digital_seal(input));
