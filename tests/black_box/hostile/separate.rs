//! Where each service is a process of its own.

use testkit::fleet::SERVICES;
use testkit::hostile::targets;

use crate::procfs::listening;
use crate::services;

#[tokio::test]
async fn every_socket_of_every_service_is_attacked() {
    let fleet = services::fleet().await;
    for service in SERVICES {
        let attacked = targets(&fleet.dir().join(service), None).unwrap();
        let attacked = attacked.iter().map(|target| target.address.port()).collect();
        let listening = listening(fleet.ready(service).unwrap().pid);
        assert!(listening.len() >= 3, "{service}: {listening:?}");
        assert_eq!(
            listening, attacked,
            "a listener of {service} is missing in its ready file, or testkit::hostile does not understand its URL"
        );
    }
}
