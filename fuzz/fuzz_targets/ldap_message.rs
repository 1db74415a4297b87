//! Messages of LDAP clients: no panic, bounded work, and what is after a message does not matter to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let answered = ldap::inspect(data);
    if answered {
        let longer = [data, &[0x30, 0x80]].concat();
        assert!(ldap::inspect(&longer));
    }
});
