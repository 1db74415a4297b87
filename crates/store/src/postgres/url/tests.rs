use proptest::prelude::*;

use super::*;

fn places(url: &str) -> Vec<String> {
    Target::parse(url).unwrap().hosts.iter().map(place).collect()
}

#[test]
fn the_forms_of_libpq_name_the_same_places() {
    let forms: [(&str, &[&str]); 14] = [
        ("postgres://h/d", &["h:5432"]),
        ("postgresql://h:1/d", &["h:1"]),
        ("postgres://u@[::1]:5/d", &["[::1]:5"]),
        ("postgres://[2001:db8::7]/d", &["[2001:db8::7]:5432"]),
        ("postgres:///d?host=::1", &["[::1]:5432"]),
        ("postgres:///d?host=/run/pg", &["/run/pg/.s.PGSQL.5432"]),
        ("postgres://u@%2Frun%2Fpg:6/d", &["/run/pg/.s.PGSQL.6"]),
        ("postgres:///d?host=%2Frun%2Fpg&port=7", &["/run/pg/.s.PGSQL.7"]),
        ("postgres://u:p@a:1,b:2/d", &["a:1", "b:2"]),
        ("postgres://a,b:2,[::1]/d", &["a:5432", "b:2", "[::1]:5432"]),
        ("postgres:///d?host=a,b&port=1,2", &["a:1", "b:2"]),
        ("postgres:///d?host=a,b&port=9", &["a:9", "b:9"]),
        ("postgres://a,b/d?port=3", &["a:3", "b:3"]),
        ("postgres://h/d?hostaddr=10.0.0.1", &["10.0.0.1:5432"]),
    ];
    for (url, expected) in forms {
        assert_eq!(places(url), expected, "{url}");
    }
}

#[test]
fn login_and_database_are_decoded_and_a_plus_stays_one() {
    let target = Target::parse("postgres://a%40b:p%2Fw@h/my%20db?application_name=x").unwrap();
    assert_eq!(target.hosts[0].get_username(), "a@b");
    assert_eq!(target.hosts[0].get_database(), Some("my db"));
    let target = Target::parse("postgres://h?user=a+b&dbname=d").unwrap();
    assert_eq!(target.hosts[0].get_username(), "a+b");
    // as it was read before: the last @ ends the login
    assert_eq!(Target::parse("postgres://u:p@w@h/d").unwrap().places(), "h:5432");
}

#[test]
fn several_hosts_are_looked_through_for_one_that_takes_writes() {
    let attrs = |url| Target::parse(url).unwrap().attrs;
    assert_eq!(attrs("postgres://a/d"), SessionAttrs::Any);
    assert_eq!(attrs("postgres://a,b/d"), SessionAttrs::ReadWrite);
    assert_eq!(
        attrs("postgres://a,b/d?target_session_attrs=any"),
        SessionAttrs::Any
    );
    assert_eq!(
        attrs("postgres://a/d?target_session_attrs=primary"),
        SessionAttrs::Primary
    );
}

#[test]
fn tls_modes_are_read_and_a_named_root_is_checked() {
    let mode = |query: &str| {
        let target = Target::parse(&format!("postgres://h/d?{query}")).unwrap();
        format!("{:?}", target.hosts[0].get_ssl_mode())
    };
    assert_eq!(mode("sslmode=disable"), "Disable");
    assert_eq!(mode("sslmode=require"), "Require");
    assert_eq!(mode("sslmode=require&sslrootcert=/r.pem"), "VerifyCa");
    assert_eq!(mode("sslmode=verify-full&sslrootcert=/r.pem"), "VerifyFull");
    assert_eq!(mode("sslrootcert=system"), "VerifyFull");
}

#[test]
fn what_cannot_be_given_is_refused_with_its_name_and_without_the_password() {
    let cases = [
        ("postgres://u:hunter2@h:notaport/d", "port is not a number"),
        ("postgres://u:hun/ter2@h/d", "an @ behind the name of the host"),
        ("postgres://u:12/hunter2@h/d", "an @ behind the name of the host"),
        ("postgres://u:hunter2@::1/d", "in brackets"),
        ("postgres://u:hunter2@[::1/d", "no closing bracket"),
        ("postgres://u:hunter2@[h]/d", "not an IPv6 address"),
        ("postgres://u:hunter2@[::1]x/d", "other than a port"),
        ("postgres://u:hunter2%@h/d", "write % itself as %25"),
        ("postgres://u:hunter2@h/d?sslmode=yes", "sslmode is none of"),
        (
            "postgres://u:hunter2@h/d?sslrootcert=system&sslmode=require",
            "verify-full only",
        ),
        (
            "postgres://u:hunter2@a,b,c/d?port=1,2",
            "not as many ports as hosts",
        ),
        ("postgres://u:hunter2@h/d?service=x", "parameter service"),
        ("postgres://u:hunter2@h/d?passfile=x", "PGPASSFILE"),
        ("postgres://u:hunter2@h/d?options=-c%20x%3Dy", "ALTER ROLE"),
        (
            "postgres://u:hunter2@h/d?channel_binding=require",
            "parameter channel_binding",
        ),
        (
            "postgres://u:hunter2@h/d?require_auth=scram-sha-256",
            "parameter require_auth",
        ),
        (
            "postgres://u:hunter2@h/d?target_session_attrs=standby",
            "takes no writes",
        ),
        (
            "postgres://u:hunter2@h/d?target_session_attrs=master",
            "none of read-write",
        ),
        (
            "postgres://u:hunter2@h/d?connect_timeout=soon",
            "number of seconds",
        ),
        ("postgres://u:hunter2@h/d?sslmode", "has no ="),
        ("postgres://u:hunter2@h,g/d?hostaddr=10.0.0.1", "not as many host"),
        ("postgres://u:hunter2%00@h/d", "not text"),
    ];
    for (url, reason) in cases {
        let error = Target::parse(url).map(|target| target.places()).unwrap_err();
        assert!(matches!(error, StoreError::Configuration(_)), "{url}: {error:?}");
        assert!(error.to_string().contains(reason), "{url}: {error}");
        assert!(!format!("{error:?}").contains("ter2"), "{error:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(postgres://)?[ -~]{0,60}") {
        let _ = Target::parse(&text);
    }

    #[test]
    fn what_is_encoded_decodes(text in "\\PC{0,30}") {
        prop_assert_eq!(decode(&encode(&text)).unwrap(), text);
    }
}
