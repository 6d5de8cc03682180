use super::*;

/// Hashes by other implementations: argon2-cffi (the reference's C code), bcrypt for Python, Python's `hashlib`
/// (OpenSSL).
const KNOWN: [(&str, &[u8]); 11] = [
    (
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
        b"password",
    ),
    (
        "$argon2id$v=19$m=256,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$7lg1s4SGEqkCL8qTFkwclXEKIBWRLI8EzENbwuUdU4o",
        "zo\u{eb}".as_bytes(),
    ),
    (
        "$2b$04$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
        b"password",
    ),
    (
        "$2a$04$JVNVeuP9v2.cw0yKCvsaFO6Ret27Nj8FJl.E1mG6xtKRsyWUtRMrK",
        b"password",
    ),
    (
        "$2b$04$m0lA/fSIODGXVFQNgQWVC.KllFEbRLmtn.JMoowiAzcb0kfizoeNC",
        b"",
    ),
    (
        "$2b$04$b5NtwhE2DLTYv7gxX5AhuOsGKC2JJzPxAfrTk6z8pwCEFLH4TYJ1i",
        "zo\u{eb}".as_bytes(),
    ),
    (
        "$scrypt$ln=4,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$GuycCvOvBXSyXn7+nY+Swhtoa6EmqeqlyFxEbPOez5o",
        b"pleaseletmein",
    ),
    (
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$JeuGrMduQwGPGLmo+Qwv7UYtHHmeg9SK49fGkEamC2c",
        b"password",
    ),
    (
        "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$x05AgND7tB/uWGjA/2D9dayuJjghWYfl/1T46uIRM5ta0a9uOHvBLdOnC7blqQEIFBxfCONToumEQ5pDM8Qtbg",
        b"password",
    ),
    (
        "pbkdf2_sha256$1000$000102030405060708090a0b0c0d0e0f$9835017768d9986d6d2e21d548a724c856279400e469caa679c8de58360deace",
        "zo\u{eb}:\u{20ac}".as_bytes(),
    ),
    (
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        b"secret",
    ),
];

#[test]
fn hashes_of_other_implementations_are_read() {
    for (text, password) in KNOWN {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(hash.verify(password), "{text}");
        for wrong in [
            b"Password".as_slice(),
            b"passwor",
            b"password ",
            b"x",
            b"\xff\xfe",
        ] {
            assert!(!hash.verify(wrong), "{text}");
        }
        assert_eq!(hash.verify(b""), password.is_empty(), "{text}");
        assert_eq!(hash.is_legacy(), text.len() == 64, "{text}");
    }
}

#[test]
fn bcrypt_does_not_cut_passwords() {
    // Of 72 times "x".
    let text = "$2b$04$SAmphB0gXVMTGkxDmQC1JeDA1padJnYNLu4iL5AwDqVCDS3myBwgS";
    let hash = PasswordHash::parse(text).unwrap();
    assert!(hash.verify(&[b'x'; 72]));
    for other in [
        vec![b'x'; 71],
        vec![b'x'; 73],
        [&[b'x'; 72][..], b"\0"].concat(),
    ] {
        assert!(!hash.verify(&other));
    }
    let empty = PasswordHash::parse(KNOWN[4].0).unwrap();
    assert!(!empty.verify(b"\0"));
}

#[test]
fn a_hash_that_is_cut_or_changed_is_refused_or_another() {
    for (text, password) in KNOWN {
        for end in 0..text.len() {
            if let Ok(hash) = PasswordHash::parse(&text[..end]) {
                // The hashes of scrypt begin alike, whatever their length: a shorter one is one too.
                let shorter = text.starts_with("$scrypt$") && hash.expected.len() >= 16;
                assert_eq!(hash.verify(password), shorter, "{}", &text[..end]);
            }
        }
        assert!(PasswordHash::parse(&format!("{text}!")).is_err(), "{text}");
        assert!(PasswordHash::parse(&format!(" {text}")).is_err(), "{text}");
    }
}

fn refusal(text: &str) -> String {
    PasswordHash::parse(text)
        .map(|_| ())
        .expect_err(text)
        .to_string()
}

#[test]
fn other_formats_are_refused_with_a_hint() {
    let rows = [
        ("$apr1$salt$xxxxxxxxxxxxxxxxxxxxxx", "htpasswd's MD5"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "htpasswd's {SHA}"),
        ("{SSHA}xxxx", "{SSHA}"),
        ("$1$salt$x", "MD5-crypt"),
        ("$5$salt$x", "SHA-256-crypt"),
        ("$6$salt$x", "SHA-512-crypt"),
        ("$y$j9T$x$x", "yescrypt"),
        (
            "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAA",
            "argon2i is not supported",
        ),
        (
            "$argon2d$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAA",
            "argon2d is not supported",
        ),
        (
            "$2x$04$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
            "$2x$",
        ),
        ("correct horse battery staple", "is not a password hash"),
        ("", "is not a password hash"),
        (
            "2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B",
            "is not a password hash",
        ),
        (
            "$argon2id$v=16$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
            "an argon2id hash of version 16",
        ),
        (
            "$argon2id$v=19$m=64,t=2$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
            "is not a well-formed argon2id",
        ),
        (
            "$argon2id$v=19$m=64,t=2,p=1,x=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
            "is not a well-formed argon2id",
        ),
        (
            "$argon2id$v=19$m=0,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
            "is not a well-formed argon2id",
        ),
        (
            "$2b$4$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
            "is not a well-formed bcrypt",
        ),
        (
            "$2b$03$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
            "is not a well-formed bcrypt",
        ),
        (
            "pbkdf2_sha256$0$00$00",
            "is not a well-formed pbkdf2_sha256",
        ),
        (
            "pbkdf2_sha256$x$00$00",
            "is not a well-formed pbkdf2_sha256",
        ),
        (
            "pbkdf2_sha256$+1$00$0000000000000000000000000000000000000000000000000000000000000000",
            "is not a well-formed pbkdf2_sha256",
        ),
        // Without a version, it is 16; and a salt of less than eight bytes could never be verified with.
        (
            "$argon2id$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
            "an argon2id hash of version 16",
        ),
        (
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXM$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
            "is not a well-formed argon2id",
        ),
    ];
    for (text, want) in rows {
        let got = refusal(text);
        assert!(got.starts_with(want), "{text}: {got}");
        // What may be a password is not repeated.
        assert!(text.is_empty() || !got.contains(text), "{got}");
    }
}

#[test]
fn what_would_block_a_worker_is_refused() {
    let argon2 = |params: &str| {
        format!(
            "$argon2id$v=19${params}$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E"
        )
    };
    let scrypt = |params: &str| {
        format!(
            "$scrypt${params}$AAECAwQFBgcICQoLDA0ODw$GuycCvOvBXSyXn7+nY+Swhtoa6EmqeqlyFxEbPOez5o"
        )
    };
    let bcrypt =
        |cost: &str| format!("$2b${cost}$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.");
    let long = |rounds: u32| {
        let output = "A".repeat(44);
        format!("$pbkdf2-sha256$i={rounds}$c29tZXNhbHRzb21lc2FsdA${output}")
    };
    let pbkdf2 = |rounds: &str| format!("pbkdf2_sha256${rounds}$00${}", "00".repeat(32));
    for good in [
        argon2("m=19456,t=2,p=1"),
        argon2("m=65536,t=3,p=4"),
        scrypt("ln=16,r=8,p=1"),
        bcrypt("12"),
        pbkdf2("600000"),
        long(300_000),
    ] {
        assert!(PasswordHash::parse(&good).is_ok(), "{good}");
    }
    for (costly, what) in [
        (
            argon2("m=65537,t=1,p=1"),
            "m (KiB) is 65537, and 65536 at the most",
        ),
        (
            argon2("m=65536,t=4,p=1"),
            "m (KiB) times t is 262144, and 196608 at the most",
        ),
        (
            scrypt("ln=17,r=8,p=1"),
            "128 N r (KiB) is 131072, and 65536 at the most",
        ),
        (
            scrypt("ln=16,r=8,p=2"),
            "N r p is 1048576, and 524288 at the most",
        ),
        (scrypt("ln=99,r=8,p=1"), "128 N r (KiB) is"),
        (bcrypt("13"), "the cost is 13, and 12 at the most"),
        (
            pbkdf2("600001"),
            "the number of rounds is 600001, and 600000 at the most",
        ),
        // 33 bytes are two blocks of SHA-256, and each costs all rounds.
        (
            long(300_001),
            "the number of rounds times blocks of output is 600002, and 600000 at the most",
        ),
    ] {
        let got = refusal(&costly);
        let want = format!("costs too much for a proxy's worker: {what}");
        assert!(got.starts_with(&want), "{costly}: {got}");
    }
}

#[test]
fn only_hashes_of_one_method_cost_the_same() {
    let hashes = KNOWN.map(|(text, _)| PasswordHash::parse(text).unwrap());
    assert!(hashes[2].same_cost(&hashes[3]));
    assert!(!hashes[0].same_cost(&hashes[1]));
    assert!(!hashes[0].same_cost(&hashes[10]));
    let shown = format!("{:?}", hashes[0]);
    assert_eq!(
        shown,
        "PasswordHash { method: Argon2id { memory: 64, passes: 2, lanes: 1 }, .. }"
    );
}
