//! Attributes of the subject that read as the name of a host, a mailbox, an account: as alternative names or not at all.

use rules::{Denied, Grant, NameLimits, Profile, Request, approve, field};
use x509::name::oids;

use crate::world::{Ca, NOW, p256, profile, sans, serial, subject};

/// `tls-client` with every attribute that people have asked for.
fn wide() -> Profile {
    let more = [
        oids::TITLE,
        oids::PSEUDONYM,
        oids::DN_QUALIFIER,
        oids::NAME,
        oids::INITIALS,
        oids::GENERATION_QUALIFIER,
        oids::STREET,
        oids::POSTAL_CODE,
        oids::BUSINESS_CATEGORY,
        oids::ORGANIZATION_IDENTIFIER,
    ];
    let base = profile("tls-client");
    Profile {
        subject: base.subject.clone().allowing(&more),
        ..base
    }
}

fn ask(profile: &Profile, name: &str, names: &[&str], grant: Grant) -> Result<(), Denied> {
    let ca = Ca::issuing();
    let request = Request::new(subject(name), sans(names), p256()).granted(grant);
    approve(profile, request, &ca.issuer(), serial(), NOW).map(drop)
}

const ATTRIBUTES: [&str; 13] = [
    "UID",
    "GN",
    "SN",
    "OU",
    "O",
    "L",
    "pseudonym",
    "title",
    "name",
    "initials",
    "street",
    "businessCategory",
    "organizationIdentifier",
];

#[test]
fn no_attribute_holds_a_name_that_the_alternative_names_do_not() {
    for attribute in ATTRIBUTES {
        for value in [
            "admin@corp.example",
            "admin%40corp.example",
            "Ada admin@corp.example",
            "https://www.bank.example/",
            "S-1-5-21-1-2-3-500",
            "10.0.0.1",
            "0177.0.0.1",
            "2001:db8::1",
            "www.bank.example",
            "www%2Ebank%252Eexample",
            "www.bank.example:443",
            "bank.example",
            "www．bank．example",
        ] {
            let name = format!("{attribute}={value}");
            let is_place = ["L", "O", "street", "businessCategory"].contains(&attribute);
            if is_place && (value.starts_with("www") || value.starts_with("bank")) {
                ask(&wide(), &name, &["dns:a.test"], Grant::default()).unwrap();
                continue;
            }
            let refused = ask(&wide(), &name, &["dns:a.test"], Grant::default()).unwrap_err();
            assert_eq!(refused.field, field::SUBJECT, "{name}: {refused}");
            assert!(refused.detail.contains("looks like"), "{name}: {refused}");
        }
    }
    // PrintableStrings have no `@`.
    for attribute in ["serialNumber", "dnQualifier"] {
        for value in ["0x7f.1", "www.bank.example", "https://bank.example", "S-1-5-18"] {
            let name = format!("{attribute}={value}");
            let refused = ask(&wide(), &name, &["dns:a.test"], Grant::default()).unwrap_err();
            assert!(refused.detail.contains("looks like"), "{name}: {refused}");
        }
    }
}

#[test]
fn an_attribute_may_repeat_an_alternative_name() {
    for (name, san) in [
        ("UID=ada@corp.example", "email:ada@corp.example"),
        ("OU=web.corp.example", "dns:web.corp.example"),
        ("dnQualifier=10.0.0.1", "ip:10.0.0.1"),
    ] {
        ask(&wide(), name, &[san], Grant::default()).unwrap();
    }
    for (name, san) in [
        ("OU=corp.example", "dns:web.corp.example"),
        ("UID=web.corp.example", "dns:corp.example"),
    ] {
        ask(&wide(), name, &[san], Grant::default()).unwrap_err();
    }
}

#[test]
fn what_people_and_things_are_called_stays() {
    for name in [
        "UID=ada.lovelace",
        "UID=ada,GN=Ada,SN=Lovelace",
        "OU=Platform Team,O=ACME Inc.",
        "serialNumber=12345-6",
        "serialNumber=SN 00-11",
        "serialNumber=00:1B:63:84:45:E6",
        "serialNumber=2130706433",
        "title=Ph.D.",
        "title=Dr. med.",
        "initials=J.R.R.",
        "generationQualifier=Jr.",
        "L=St. Gallen,ST=SG,C=CH",
        "L=Frankfurt/Main",
        "street=Main St. 1\\, 2nd floor",
        "OU=R&D,OU=v1.2.3",
        "organizationIdentifier=VATDE-123456789",
        "dnQualifier=1.3.6.1.4.1.99999",
    ] {
        ask(&wide(), name, &["dns:a.test"], Grant::default()).unwrap();
    }
    // A publisher or a CA has no alternative names to repeat.
    ask(
        &profile("code-signing"),
        "CN=Builds,O=Corp.example",
        &[],
        Grant::default(),
    )
    .unwrap();
    let port = "CN=Builds,OU=www.corp.example:443";
    ask(&profile("code-signing"), port, &[], Grant::default()).unwrap_err();
}

#[test]
fn a_limit_on_the_attribute_allows_the_value() {
    let limits = |patterns: &[&str]| Grant::default().within(NameLimits::parse(patterns).unwrap());
    let allowed = limits(&["dns:a.test", "subject:OU=web.*"]);
    ask(&wide(), "OU=web.corp.example", &["dns:a.test"], allowed.clone()).unwrap();
    ask(&wide(), "OU=www.bank.example", &["dns:a.test"], allowed).unwrap_err();
}

#[test]
fn a_server_is_not_called_by_a_number_that_is_an_address() {
    let names = ["uri:urn:example:app", "dns:a.test"];
    for name in ["CN=2130706433", "CN=017700000001", "CN=0x7f000001"] {
        ask(&profile("opc-ua"), name, &names, Grant::default()).unwrap_err();
    }
    ask(
        &profile("tls-client"),
        "CN=0x7f000001",
        &["dns:a.test"],
        Grant::default(),
    )
    .unwrap_err();
    ask(
        &profile("tls-client"),
        "CN=2130706433",
        &["dns:a.test"],
        Grant::default(),
    )
    .unwrap();
}

#[test]
fn a_service_name_is_held_to_the_grammar() {
    let srv = |text: &str| {
        let hex: String = text.bytes().map(|octet| format!("{octet:02x}")).collect();
        format!("othername:1.3.6.1.5.5.7.8.7=16{:02x}{hex}", text.len())
    };
    let device = profile("device");
    ask(
        &device,
        "CN=thing",
        &[&srv("_ldap.corp.example")],
        Grant::default(),
    )
    .unwrap();
    assert!(srv("_ldap._tcp.corp.example").parse::<x509::San>().is_err());
}

/// Subjects as people, devices and organizations have them.
#[test]
fn ordinary_subjects_pass() {
    let of_tls_client = [
        "O=Amazon.com",
        "O=Booking.com",
        "O=J.P.Morgan",
        "O=L.L.Bean",
        "O=U.S.Steel",
        "O=WEB.DE",
        "O=will.i.am",
        "O=Co.KG",
        "O=Node.js",
        "O=Ltd.Co",
        "O=Dr.Oetker",
        "O=bank.example",
        "L=St.Gallen",
        "L=S.Paulo",
        "L=Sta.Cruz",
        "ST=N.Y.",
        "ST=Baden-Württ.",
        "street=Main.St",
        "businessCategory=e.g.retail",
        "OU=ASP.NET",
        "OU=Amazon.com",
        "OU=Node.js",
        "OU=web.de",
        "OU=Model.X",
        "OU=Werk.Nord",
        "OU=FW:2.4.rc1",
        "OU=IT.Ops",
        "OU=R&D/QA",
        "UID=j.r.smith",
        "UID=jane.doe",
        "UID=user.name.ext",
        "UID=J.Smith",
        "serialNumber=1.2.3.4",
        "serialNumber=10.20.30.40",
        "serialNumber=aabb.ccdd.eeff",
        "serialNumber=A1.B2.C3",
        "serialNumber=4711/B.rev",
        "serialNumber=SN:FDO2113.A1",
        "serialNumber=DE-1.B2",
        "serialNumber=j.r.smith",
        "title=B.Sc.",
        "title=Dipl.-Ing.",
        "initials=J.R.R.",
    ];
    for name in of_tls_client {
        ask(&wide(), name, &["dns:a.test"], Grant::default())
            .unwrap_or_else(|refused| panic!("{name}: {refused}"));
    }
}

#[test]
fn what_people_devices_and_applications_are_called_is_a_common_name() {
    for profile_name in ["tls-client", "device"] {
        for name in [
            "jane.doe",
            "J.Smith",
            "j.r.smith",
            "AC/DC",
            "24/7",
            "sensor:12",
            "sensor/12",
            "IMEI:490154203237518",
            "aabb.ccdd.eeff",
            "plc.hall3",
            "S7-1500",
            "modbus:1:4",
            "DID:4711",
            "urn:dev:mac:0024befffe804ff1",
            "TCP/IP",
            "AA:BB:CC:DD:EE:FF",
            "Team.Blue",
        ] {
            ask(
                &profile(profile_name),
                &format!("CN={name}"),
                &["dns:a.test"],
                Grant::default(),
            )
            .unwrap_or_else(|refused| panic!("{profile_name} {name}: {refused}"));
        }
    }
    for (name, host) in [
        ("UaServer@plc1", "dns:plc1"),
        ("UaExpert@laptop-17", "dns:laptop-17"),
        ("UA Server", "dns:plc1"),
    ] {
        let names = ["uri:urn:plc1:Siemens:UaServer", host];
        ask(
            &profile("opc-ua"),
            &format!("CN={name}"),
            &names,
            Grant::default(),
        )
        .unwrap_or_else(|refused| panic!("{name}: {refused}"));
    }
}

#[test]
fn subjects_that_are_names_of_others_are_refused_without_advice_to_certify_them() {
    for name in [
        "CN=S-1-5-21-1-2-3-500",
        "CN=S-1-5-18",
        "CN=sid:S-1-5-18",
        "CN=sid:admin",
        "CN=acct:root",
        "CN=mailto:root",
        "CN=sip:root",
        "CN=did:web:bank",
        "CN=ldap:root",
        "CN=spiffe:gigvault",
        "CN=ACCT:root",
        "CN=acct：root",
        "CN=acct%3Aroot",
        "CN=Jane acct:root",
        "CN=admin@corp.example",
        "CN=https://bank.example/",
        "CN=bank.example",
        "CN=www.bank.de",
        "CN=vpn.bank.de",
        "CN=www.bank.shop",
        "CN=BANK.COM:443",
        "CN=bank.com/login",
        "CN=10.0.0.1",
        "CN=10.0.0.1:443",
        "CN=127.1/8",
        "CN=localhost:8443",
        "CN=BANK.COM",
        "CN=VPN.BANK.DE:443",
        "CN=login.bank.shop:443",
        "CN=xn--a.de",
        "CN=xn--a",
        "CN=intranet.corp",
        "CN=printer.local",
        "OU=acct:root",
        "OU=ldap:root",
        "OU=sid:admin",
        "OU=S-1-5-18",
        "OU=vpn.bank.de",
        "OU=nas.lan",
        "OU=WWW.BANK.COM",
        "UID=Bank.Com",
        "UID=root.corp.internal",
        "serialNumber=www.bank.test",
        "serialNumber=2001:db8::1",
        "O=admin@corp.example",
        "O=https://bank.example",
        "L=10.0.0.1",
        "ST=S-1-5-18",
    ] {
        let refused = ask(&wide(), name, &["dns:a.test"], Grant::default()).expect_err(name);
        assert!(!refused.detail.contains("add it"), "{name}: {refused}");
    }
    for name in ["CN=UaServer@plc2", "CN=a@b@plc1", "CN=@plc1"] {
        let names = ["uri:urn:plc1:Siemens:UaServer", "dns:plc1"];
        ask(&profile("opc-ua"), name, &names, Grant::default()).expect_err(name);
    }
}
