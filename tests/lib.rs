//! Black-box tests of GigVault; see `black_box/`.
