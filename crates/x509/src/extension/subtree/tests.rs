use super::*;

fn read(der: &[u8]) -> Subtree {
    Subtree::read(&mut Reader::new(der)).unwrap()
}

#[test]
fn text_and_der_come_back() {
    for text in [
        "dns:example.test",
        "dns:xn--bcher-kva.example",
        "ip:10.0.0.0/8",
        "ip:0.0.0.0/0",
        "ip:192.0.2.1/32",
        "ip:2001:db8::/32",
        "ip:::/0",
        "email:User@example.test",
        "email:example.test",
        "email:.example.test",
        "uri:.example.test",
        "uri:example.test",
        "dirname:O=Example,C=DE",
    ] {
        let subtree: Subtree = text.parse().unwrap();
        assert_eq!(subtree.to_string(), text);
        let mut out = Writer::default();
        subtree.write(&mut out);
        assert_eq!(read(&out.into_vec()), subtree);
    }
    assert_eq!(
        "dns:BÜCHER.example".parse::<Subtree>().unwrap().to_string(),
        "dns:xn--bcher-kva.example"
    );
}

#[test]
fn wrong_text_is_refused() {
    for text in [
        "example.test",
        "dns:",
        "dns:.example.test",
        "dns:*.example.test",
        "dns:a_b",
        "ip:10.0.0.1/8",
        "ip:10.0.0.0",
        "ip:10.0.0.0/33",
        "ip:::ffff:10.0.0.0/104",
        "ip:::/129",
        "email:@a.test",
        "email:",
        "email:a b@c",
        "uri:http://a",
        "uri:.",
        "dirname:x",
        "rid:1.2.3",
    ] {
        assert!(text.parse::<Subtree>().is_err(), "{text}");
    }
}

#[test]
fn what_others_write_is_understood_or_kept() {
    let foreign = |content: &[u8]| read(&Writer::one(tag::SEQUENCE, |out| out.raw(content)));
    assert_eq!(foreign(b"\x82\x05.A.bc").to_string(), "dns:.a.bc");
    assert_eq!(
        foreign(b"\x87\x08\x0a\x01\x01\x01\xff\x00\x00\x00").to_string(),
        "ip:10.0.0.0/8"
    );
    assert_eq!(
        foreign(b"\x87\x08\x0a\x00\x00\x01\xff\x00\x00\xff").to_string(),
        "ip:10.0.0.1/255.0.0.255"
    );
    assert_eq!(foreign(b"\x82\x04a.bc\x80\x01\x00").to_string(), "dns:a.bc");
    for opaque in [
        &b"\x82\x01a\x80\x01\x01"[..],
        b"\x82\x01a\x80\x01\x00\x81\x01\x05",
        b"\x87\x03\x01\x02\x03",
        b"\x88\x02\x2a\x03",
        b"\xa0\x00",
        b"\x82\x01a\x81\x01\x05",
        b"\x82\x07a.test.",
        b"\x82\x06*.test",
        b"\x82\x06xn--a.",
        b"\x81\x00",
        b"\x81\x09a@b.test.",
        b"\x86\x08a.test:1",
        b"\x86\x00",
    ] {
        assert!(foreign(opaque).to_string().starts_with("opaque:"), "{opaque:?}");
    }
    assert!(Subtree::read(&mut Reader::new(b"\x30\x00")).is_err());
}
