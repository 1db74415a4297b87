//! Certificates found by what a person knows of them, and by what became of them.

use super::{EVERYTHING, Inventory};

pub(super) async fn by_what_a_person_types(inventory: &Inventory) {
    let (serial, print) = (
        inventory.text("web", "serial"),
        inventory.text("api", "fingerprint_sha256"),
    );
    inventory.finds(&format!("q={}", &serial[..9]), &["web"]).await;
    inventory
        .finds(&format!("q={}", print[..10].to_uppercase()), &["api"])
        .await;
    inventory.finds("q=alpha.test", &["web", "api", "near"]).await;
    inventory.finds("q=ADA@delta.test", &["mail"]).await;
    inventory.finds("q=unknown", &[]).await;
    // In an order that the index of names does not have.
    inventory
        .finds(
            "q=alpha.test&sort=-not_after&status=valid",
            &["web", "api", "near"],
        )
        .await;
    inventory
        .finds("san_suffix=.alpha.test&sort=issued_at", &["web", "api"])
        .await;
    let api = inventory.text("api", "serial");
    inventory
        .finds(&format!("serial={serial}&serial={api}"), &["web", "api"])
        .await;
}

pub(super) async fn by_what_became_of_it(inventory: &Inventory) {
    inventory.finds("reason=key-compromise", &["revoked"]).await;
    inventory
        .finds(
            "reason=key-compromise&reason=certificate-hold",
            &["revoked", "held"],
        )
        .await;
    inventory
        .finds("status=revoked&status=on_hold", &["revoked", "held"])
        .await;
    inventory
        .finds("profile=mtls&profile=email", &["first", "second", "mail"])
        .await;
    inventory.finds("key_type=p256&protocol=rest", &EVERYTHING).await;
    inventory.finds("key_type=rsa3072", &[]).await;
    let web = inventory.text("web", "issued_at");
    inventory
        .finds(&format!("issued_from={web}&protocol=rest"), &EVERYTHING)
        .await;
    inventory
        .finds(&format!("issued_to={web}&protocol=rest"), &[])
        .await;
    inventory
        .finds("revoked_from=2020-01-01T00:00:00Z", &["revoked", "held"])
        .await;
    inventory.finds("revoked_to=2020-01-01T00:00:00Z", &[]).await;
    inventory.finds("sort=-revoked_at", &["revoked", "held"]).await;
    inventory.finds("has_successor=true", &[]).await;
    inventory
        .finds("has_successor=false&protocol=rest", &EVERYTHING)
        .await;
    let (passed, warned) = (
        inventory.rest.all("lint=passed&protocol=rest", 50).await,
        inventory.rest.all("lint=warned&protocol=rest", 50).await,
    );
    assert_eq!(passed.len() + warned.len(), EVERYTHING.len());
}
