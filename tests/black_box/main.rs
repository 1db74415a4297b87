//! The real binary, driven as users drive it: over its commands, URLs and files.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod accept_restored;
mod advice;
mod allowed_actions;
mod authorization;
mod backup;
mod bad_requests;
mod between;
mod ca_health;
mod cert_status;
mod client_certificates;
mod commands;
mod composed;
mod configuration;
mod contract;
mod crl;
mod csr;
mod csv;
mod data_dir;
mod descriptors;
mod disk_full;
mod doctor;
mod dry_run;
mod durability;
mod early_refusals;
mod edges;
mod effective_config;
mod fairness;
mod field_input;
mod first_start;
mod first_start_faults;
mod first_steps;
mod hostile;
mod impersonation;
mod jobs;
mod judge;
mod ldap;
mod list_commands;
mod lists;
mod lost_answers;
mod metrics;
mod migrate;
mod names;
mod ocsp;
mod own_processes;
mod paging;
mod pairings;
mod pkcs12;
mod postgresql;
mod probe;
mod process;
mod procfs;
mod profiles;
mod ready_file;
mod rest;
mod revocation;
mod revoke_all;
mod revoke_many;
mod revoked_services;
mod rights;
mod root_crl;
mod rotation;
mod search;
mod seen;
mod services;
mod shown_once;
mod state;
mod stopping;
mod strict;
mod terminal;
mod tls_files;
