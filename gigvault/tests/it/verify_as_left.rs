//! Files as editors leave them.

use crate::harness::Desk;
use crate::verify::chain;

#[test]
fn files_are_read_as_editors_leave_them_and_utf_16_is_named() {
    let desk = Desk::new();
    chain(&desk);
    type Left = fn(&str) -> String;
    let ways: [(&str, Left); 4] = [
        ("mark", |pem| format!("\u{feff}{pem}")),
        ("cr", |pem| pem.replace('\n', "\r")),
        ("crlf", |pem| pem.replace('\n', "\r\n")),
        ("blanks", |pem| pem.replace('\n', " \n\t")),
    ];
    for (way, left) in ways {
        for name in ["leaf", "inter", "root"] {
            desk.write(
                &format!("{name}.{way}"),
                &left(&desk.read(&format!("{name}.crt"))),
            );
        }
        let [leaf, inter, root] = ["leaf", "inter", "root"].map(|name| format!("{name}.{way}"));
        desk.run(&["cert", "verify", &leaf, "--untrusted", &inter, "--ca-file", &root])
            .ok();
    }
    for name in ["leaf", "inter", "root"] {
        let pem = desk.read(&format!("{name}.crt"));
        let wide: Vec<u8> = pem.encode_utf16().flat_map(u16::to_be_bytes).collect();
        std::fs::write(desk.path("wide"), wide).unwrap();
        let files = ["leaf", "inter", "root"].map(|other| match other == name {
            true => "wide".to_owned(),
            false => format!("{other}.crt"),
        });
        let [leaf, inter, root] = files.each_ref().map(String::as_str);
        let said = desk
            .run(&["cert", "verify", leaf, "--untrusted", inter, "--ca-file", root])
            .failed(1);
        assert!(said.contains("wide") && said.contains("UTF-16"), "{name}: {said}");
    }
}
