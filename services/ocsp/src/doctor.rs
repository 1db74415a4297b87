//! What this service looks at when an operator asks what is wrong.

use kit::service::{DoctorCheck, Finding, first_of};
use redis::Status;

use crate::app::{App, Responder};

pub(crate) fn checks(app: &App) -> Vec<DoctorCheck> {
    let [revocations, responders] = std::array::from_fn(|_| app.clone());
    let mut checks = vec![
        DoctorCheck::new("revocations", move || {
            std::future::ready(of_revocations(&revocations))
        }),
        DoctorCheck::new("OCSP responders", move || {
            let app = responders.clone();
            async move {
                app.try_all().await;
                of_responders(&app)
            }
        }),
    ];
    if let Some(redis) = app.redis() {
        checks.push(DoctorCheck::new("shared responses", move || {
            std::future::ready(of_redis(&redis.status(), redis.refused()))
        }));
    }
    checks
}

fn of_redis(status: &Status, refused: Option<String>) -> Finding {
    match (status, refused) {
        (Status::Connected(address), Some(refused)) => Finding::warning(
            format!("Redis at {address} refuses commands, so that nothing is shared: {refused}"),
            "give the user of section redis the commands GETRANGE, SET and ROLE on its keys, and the server enough memory",
        ),
        (Status::Connected(address), None) => Finding::ok(format!("shared through Redis at {address}")),
        (Status::Down(cause), _) => Finding::warning(
            format!("Redis is not used: each process signs for itself, and answers all the same ({cause})"),
            "see that Redis runs, that this process reaches it, and that section redis of the configuration is right",
        ),
    }
}

fn of_revocations(app: &App) -> Finding {
    let known = app.revocation_state();
    match known.age {
        Some(age) if known.is_current => Finding::ok(format!(
            "{} are known, as of {:.1} seconds ago",
            known.revocations,
            age.as_secs_f64()
        )),
        Some(_) if known.unreadable > 0 => Finding::failed(
            format!(
                "{} revocations are damaged in the database of ca, so that it is asked for each answer; clients are told that \
                 nothing is known of the certificates",
                known.unreadable
            ),
            "restore the rows that the log of ca names; they are read again within a minute",
        ),
        Some(age) => Finding::failed(
            format!(
                "the CA service was last heard {:.0} seconds ago: it is asked for each answer, and where it does not answer, \
                 clients are told tryLater",
                age.as_secs_f64()
            ),
            "see that the process with ca runs, and that this one reaches it (peers.ca); the log names the cause",
        ),
        None => Finding::failed(
            "no revocations were loaded yet: the CA service is asked for each answer",
            "see that the process with ca runs, and that this one reaches it (peers.ca); the log names the cause",
        ),
    }
}

fn of_responders(app: &App) -> Finding {
    let Some(responders) = app.responders() else {
        return Finding::failed(
            "which CAs there are is not known: clients are told tryLater",
            "see that the process with ca runs, and that this one reaches it (peers.ca); the log names the cause",
        );
    };
    if responders.is_empty() {
        return Finding::warning(
            "there is no CA whose certificates are answered for",
            "make a CA; if there is one, the log says why its certificate cannot be read",
        );
    }
    let without: Vec<String> = responders.iter().filter_map(silent).collect();
    if !without.is_empty() {
        return Finding::failed(
            format!(
                "clients get no answers about certificates of {}",
                first_of(&without)
            ),
            "the log says why no responder could be made; the key manager and the CA have to answer",
        );
    }
    let failing: Vec<String> = responders.iter().filter_map(failing).collect();
    if !failing.is_empty() {
        return Finding::failed(
            format!("nothing is signed for {}", first_of(&failing)),
            "see that the key manager answers; a responder whose key is lost or damaged is replaced by itself, and with ocsp.signing \
             direct the key manager has to allow it (keymgr.ca_keys_sign_ocsp)",
        );
    }
    let late: Vec<String> = responders.iter().filter_map(late).collect();
    if !late.is_empty() {
        return Finding::warning(
            format!("not renewed in time: {}", first_of(&late)),
            "the log says why no responder could be made; the key manager and the CA have to answer",
        );
    }
    Finding::ok(format!("{} CAs are answered for", responders.len()))
}

fn silent(responder: &Responder) -> Option<String> {
    responder.until.is_none().then(|| responder.issuer.clone())
}

fn failing(responder: &Responder) -> Option<String> {
    let cause = responder.trial.cause()?;
    Some(format!("{} ({cause})", responder.issuer))
}

fn late(responder: &Responder) -> Option<String> {
    let until = responder.until.filter(|_| responder.is_due)?;
    Some(format!(
        "{} (until {})",
        responder.issuer,
        kit::clock::rfc3339(until)
    ))
}
