#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ecp_fuzz::forgery(bytes));
