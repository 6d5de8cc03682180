use super::*;
use crate::client::ClientNetwork;
use crate::config::ProviderId;
use crate::keys::testing::turn;
use crate::keys::{NoStore, Turn, testing::Process};
use crate::time::MonoTime;

/// SHA-256 of "right", the cheapest hash there is.
const RIGHT: &str = "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";

fn users(names: &[&str]) -> Users {
    let mut users = Users::default();
    for name in names {
        let claims = ClaimSet::parse(format!(r#"{{"sub":"{name}"}}"#).as_bytes()).unwrap();
        users.add(name, PasswordHash::parse(RIGHT).unwrap(), claims);
    }
    users
}

fn attempt<'a>(username: &'a str, password: &'a str, client: &str) -> Attempt<'a> {
    Attempt {
        provider: ProviderId(0),
        username,
        password,
        client: ClientNetwork::parse(client),
        waits: true,
        throttle: Throttle {
            attempts: 3,
            per: Duration::from_secs(60),
        },
    }
}

#[test]
fn credentials_are_decoded_strictly() {
    let encoded = |text: &[u8]| decode(&STANDARD.encode(text));
    let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
    assert_eq!(encoded(b"alice:secret"), pair("alice", "secret"));
    assert_eq!(encoded(b"alice:a:b"), pair("alice", "a:b"));
    assert_eq!(encoded(b":"), pair("", ""));
    assert_eq!(
        encoded("zo\u{eb}:\u{20ac}".as_bytes()),
        pair("zo\u{eb}", "\u{20ac}")
    );
    assert_eq!(encoded(b"alice"), None);
    assert_eq!(encoded(b"alice:\xff"), None);
    assert_eq!(encoded(b"alice:\0"), None);
    assert_eq!(encoded(b"al\nice:x"), None);
    for text in ["YWxp*#Y2U6eA==", "YWxpY2U6eA", "YWxpY2U6eB==", "====", ""] {
        assert_eq!(decode(text), None, "{text}");
    }
}

#[test]
fn a_password_is_its_users_own() {
    let users = users(&["alice", "bob"]);
    for pick in 0..4 {
        let subject = |name, password: &str| {
            let claims = users.verify(name, password.as_bytes(), pick)?;
            claims.subject().map(str::to_owned)
        };
        assert_eq!(subject("alice", "right"), Some("alice".to_owned()));
        assert_eq!(subject("bob", "right"), Some("bob".to_owned()));
        assert_eq!(subject("alice", "wrong"), None);
        // The decoy's password does not open the door.
        assert_eq!(subject("nobody", "right"), None);
        assert_eq!(subject("", "right"), None);
    }
    assert!(Users::default().verify("alice", b"right", 7).is_none());
}

/// Tries a password, and counts what is to be counted.
fn verify(
    store: &mut PasswordStore,
    users: &Users,
    (attempt, standing): (Attempt<'_>, Standing),
    turn: &mut Turn<'_>,
) -> Result<Rc<ClaimSet>, Stop> {
    let now = turn.now.mono;
    let got = store.verify(attempt, users, standing, turn);
    let counts = matches!(
        got,
        Err(Stop::BadPassword | Stop::HashAt { counts: true, .. })
    );
    // What is booked was counted when it was.
    if counts && standing != Standing::Booked {
        store.count_wrong(store.counters(attempt), now);
    }
    got
}

/// One VM.
struct Vm {
    store: PasswordStore,
    users: Users,
    now: MonoTime,
}

impl Vm {
    fn new(names: &[&str]) -> Self {
        Self {
            store: PasswordStore::new([7; 32], Duration::from_secs(1)),
            users: users(names),
            now: MonoTime::from_secs(1000),
        }
    }

    /// Tries a password; whom it stands for.
    fn sign_in(&mut self, name: &str, password: &str, client: &str) -> Result<String, Stop> {
        self.try_it(attempt(name, password, client))
    }

    fn try_it(&mut self, attempt: Attempt<'_>) -> Result<String, Stop> {
        let claims = self.verify(attempt, Standing::New);
        claims.map(|claims| claims.subject().unwrap_or_default().to_owned())
    }

    /// Tries a password of which this was decided before.
    fn verify(&mut self, attempt: Attempt<'_>, standing: Standing) -> Result<Rc<ClaimSet>, Stop> {
        let Self { store, users, now } = self;
        verify(
            store,
            users,
            (attempt, standing),
            &mut turn(&mut NoStore, *now),
        )
    }

    fn guess(&mut self, times: usize, name: &str, client: &str) {
        for number in 0..times {
            let got = self.sign_in(name, &format!("guess-{number}"), client);
            assert_eq!(got, WRONG, "{name} {client} {number}");
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }
}

const WRONG: Result<String, Stop> = Err(Stop::BadPassword);

fn throttled(retry_after: u32) -> Result<String, Stop> {
    Err(Stop::Throttled { retry_after })
}

fn right(name: &str) -> Result<String, Stop> {
    Ok(name.to_owned())
}

#[test]
fn guesses_are_counted_by_name_and_address_and_lock_nobody_out_elsewhere() {
    let mut vm = Vm::new(&["alice", "bob"]);
    vm.guess(3, "alice", "10.0.0.1");
    // From there not even the right one is looked at.
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), throttled(60));
    assert_eq!(vm.sign_in("bob", "right", "10.0.0.1"), right("bob"));
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.2"), right("alice"));
    vm.pass(Duration::from_secs(60));
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
}

#[test]
fn an_address_has_ten_times_as_many_guesses_and_a_name_a_hundred_times() {
    let mut vm = Vm::new(&["alice", "bob"]);
    for user in 0..10 {
        vm.guess(3, &format!("user-{user}"), "10.0.0.1");
    }
    assert_eq!(vm.sign_in("bob", "right", "10.0.0.1"), throttled(60));
    assert_eq!(vm.sign_in("bob", "right", "10.0.0.2"), right("bob"));
    for address in 0..100 {
        vm.guess(3, "alice", &format!("10.1.0.{address}"));
    }
    assert_eq!(vm.sign_in("alice", "right", "10.2.0.1"), throttled(60));
    assert_eq!(vm.sign_in("bob", "right", "10.2.0.1"), right("bob"));
}

#[test]
fn who_has_guessed_enough_learns_nothing_from_what_is_remembered() {
    let mut vm = Vm::new(&["alice"]);
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
    vm.guess(3, "alice", "10.0.0.9");
    for number in 0..100 {
        let password = if number == 50 {
            "right".to_owned()
        } else {
            format!("guess-{number}")
        };
        assert_eq!(
            vm.sign_in("alice", &password, "10.0.0.9"),
            throttled(60),
            "{password}"
        );
    }
    // Whoever is signed in stays so.
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
}

#[test]
fn a_neighbour_of_a_user_who_is_signed_in_has_an_end_too() {
    let mut vm = Vm::new(&["alice"]);
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
    let tries: Vec<_> = (0..6000)
        .map(|number| vm.sign_in("alice", &format!("guess-{number}"), "10.0.0.1"))
        .collect();
    assert_eq!(tries[..3], [WRONG, WRONG, WRONG]);
    assert!(tries[3..].iter().all(|got| *got == throttled(60)));
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), throttled(60));
    // A few guesses of a neighbour are no such end.
    let mut vm = Vm::new(&["alice"]);
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
    for number in 0..200 {
        drop(vm.sign_in("alice", &format!("guess-{number}"), "10.0.0.1"));
    }
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
}

#[test]
fn no_number_of_other_names_pushes_a_name_out() {
    let mut vm = Vm::new(&["alice"]);
    for address in 0..100 {
        vm.guess(3, "alice", &format!("10.1.0.{address}"));
    }
    for number in 0_u32..12_000 {
        if number % 100 == 0 {
            vm.pass(Duration::from_millis(1));
        }
        let address = format!(
            "10.{}.{}.{}",
            2 + number / 62_500,
            number / 250 % 250,
            number % 250
        );
        assert_eq!(vm.sign_in(&format!("user-{number}"), "x", &address), WRONG);
    }
    assert!(matches!(
        vm.sign_in("alice", "right", "10.9.0.1"),
        Err(Stop::Throttled { .. })
    ));
}

#[test]
fn without_an_address_guesses_are_slowed_down_and_not_refused() {
    let mut vm = Vm::new(&["alice", "bob"]);
    vm.guess(3, "alice", "");
    let wait = |vm: &mut Vm, password| match vm.sign_in("alice", password, "") {
        Err(Stop::Until(at)) => at.since(vm.now).as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(&mut vm, "right"), 1);
    assert_eq!(wait(&mut vm, "guess-1"), 1);
    assert_eq!(vm.sign_in("bob", "right", ""), right("bob"));
    // In their turn they are looked at.
    let mut waits = Vec::new();
    for number in 0..30 {
        waits.push(wait(&mut vm, "guess-x"));
        vm.pass(Duration::from_secs(1));
        let password = format!("more-{number}");
        let late = attempt("alice", &password, "");
        let got = vm.verify(late, Standing::Admitted);
        assert_eq!(got.map(drop), Err(Stop::BadPassword));
    }
    assert_eq!((waits[0], waits[4], waits[10], waits[29]), (1, 2, 4, 8));
    vm.pass(Duration::from_secs(9));
    let late = vm.verify(attempt("alice", "right", ""), Standing::Admitted);
    assert!(late.is_ok());
    // What was right before passes, up to as many tries as would be an attack.
    assert_eq!(vm.sign_in("alice", "right", ""), right("alice"));
    for number in 0..400 {
        drop(vm.sign_in("alice", &format!("last-{number}"), ""));
    }
    assert!(vm.sign_in("alice", "right", "").is_err());
}

#[test]
fn hanging_up_is_no_way_to_guess_faster() {
    let mut vm = Vm::new(&["alice"]);
    vm.guess(3, "alice", "");
    let waiting = |vm: &mut Vm| {
        let tries = (0..100).map(|number| vm.sign_in("alice", &format!("guess-{number}"), ""));
        tries
            .filter(|got| matches!(got, Err(Stop::Until(_))))
            .count()
    };
    assert_eq!(waiting(&mut vm), 16);
    assert_eq!(waiting(&mut vm), 0);
    assert_eq!(vm.sign_in("alice", "x", ""), throttled(1));
    vm.pass(Duration::from_secs(1));
    assert_eq!(waiting(&mut vm), 16);
}

#[test]
fn a_host_that_lets_nobody_wait_refuses_instead() {
    let mut vm = Vm::new(&["alice"]);
    vm.guess(3, "alice", "");
    let now = |password| Attempt {
        waits: false,
        ..attempt("alice", password, "")
    };
    assert_eq!(vm.try_it(now("guess-x")), WRONG);
    assert_eq!(vm.try_it(now("right")), throttled(1));
    vm.pass(Duration::from_secs(1));
    assert_eq!(vm.try_it(now("right")), right("alice"));
}

#[test]
fn a_user_is_known_at_several_addresses_and_stays_who_comes_again() {
    let mut vm = Vm::new(&["alice"]);
    for address in 0..16 {
        assert_eq!(
            vm.sign_in("alice", "right", &format!("10.0.0.{address}")),
            right("alice")
        );
    }
    for _ in 0..10 {
        vm.guess(3, "alice", "10.0.0.9");
        assert_eq!(vm.sign_in("alice", "right", "10.0.0.9"), right("alice"));
        assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
        vm.pass(Duration::from_secs(160));
    }
    vm.guess(3, "alice", "10.0.0.1");
    vm.pass(Duration::from_secs(10));
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), right("alice"));
    // After a pause it is a password like any other.
    vm.pass(Duration::from_secs(300));
    vm.guess(3, "alice", "10.0.0.1");
    assert_eq!(vm.sign_in("alice", "right", "10.0.0.1"), throttled(60));
}

#[test]
fn hashes_have_a_time_and_what_is_remembered_needs_none() {
    /// Of "password": some 40 ms.
    const ARGON2ID: &str = "$argon2id$v=19$m=19456,t=2,p=1$YR6JZdZXaH6sPD98xDaMew$LWKxR41HtjvxmEUZ4aSr3m9Rb6sfeJ1bP+PRZlGLaLw";
    let mut dear = Users::default();
    for name in ["alice", "bob"] {
        let claims = ClaimSet::parse(format!(r#"{{"sub":"{name}"}}"#).as_bytes()).unwrap();
        dear.add(name, PasswordHash::parse(ARGON2ID).unwrap(), claims);
    }
    let cost = dear.cost("alice", 0);
    assert_eq!(dear.cost("nobody", 7), cost);
    let mut vm = Vm {
        store: PasswordStore::new([7; 32], Duration::from_micros(u64::from(cost) * 2)),
        users: dear,
        now: MonoTime::from_secs(1000),
    };
    let spent = Err(Stop::HashesThrottled { retry_after: 1 });
    assert_eq!(vm.sign_in("alice", "password", "10.0.0.1"), right("alice"));
    // The next one lets others of the worker come in between.
    let begins = vm.now.plus(Duration::from_micros(u64::from(cost) * 2));
    assert_eq!(
        vm.sign_in("nobody", "x", "10.0.0.2"),
        Err(Stop::HashAt {
            at: begins,
            counts: true
        })
    );
    assert_eq!(vm.sign_in("bob", "password", "10.0.0.3"), spent);
    assert_eq!(vm.sign_in("nobody", "y", "10.0.0.4"), spent);
    // Nobody learns then from elsewhere what is remembered; who was right from there does not notice.
    assert_eq!(vm.sign_in("alice", "password", "10.0.0.5"), spent);
    assert_eq!(vm.sign_in("alice", "password", "10.0.0.1"), right("alice"));
    // The same password waits for the same hash.
    assert_eq!(
        vm.sign_in("nobody", "x", "10.0.0.2"),
        Err(Stop::HashAt {
            at: begins,
            counts: false
        })
    );
    vm.now = begins;
    let booked = attempt("nobody", "x", "10.0.0.2");
    let got = vm.verify(booked, Standing::Booked);
    assert_eq!(got.map(drop), WRONG.map(drop));
    // Known ones cost nothing, right or wrong, from wherever.
    assert_eq!(vm.sign_in("alice", "password", "10.0.0.1"), right("alice"));
    assert_eq!(vm.sign_in("alice", "password", "10.0.0.5"), right("alice"));
    assert_eq!(vm.sign_in("nobody", "x", "10.0.0.6"), WRONG);
}

#[test]
fn two_providers_share_nothing() {
    let mut vm = Vm::new(&["alice"]);
    let of = |provider, password| Attempt {
        provider: ProviderId(provider),
        ..attempt("alice", password, "10.0.0.1")
    };
    assert_eq!(vm.try_it(of(0, "right")), right("alice"));
    // Another provider's alice has not signed in, and does not exist there.
    let nobody = Users::default();
    let mut of_another = |password| {
        let tried = (of(1, password), Standing::New);
        verify(
            &mut vm.store,
            &nobody,
            tried,
            &mut turn(&mut NoStore, vm.now),
        )
    };
    assert_eq!(of_another("right").map(drop), Err(Stop::BadPassword));
    for _ in 0..5 {
        drop(of_another("x"));
    }
    assert_eq!(vm.try_it(of(2, "right")), right("alice"));
}

#[test]
fn a_network_is_one_address() {
    let rows = [
        ("[2001:db8:1:2::1]", "[2001:db8:1:2:ffff::9]", true),
        ("2001:db8:1:2::1", "[2001:db8:1:3::1]", false),
        ("[::ffff:192.0.2.1]", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
    ];
    for (client, other, want) in rows {
        let mut vm = Vm::new(&["alice"]);
        vm.guess(3, "alice", client);
        let got = vm.sign_in("alice", "right", other);
        assert_eq!(got.is_err(), want, "{client} and {other}");
    }
}

#[test]
fn a_right_password_is_known_to_other_workers_too_and_lifts_nothing_but_the_throttle() {
    let mut process = Process::default();
    let (mut one, mut two) = (Vm::new(&["alice"]), Vm::new(&["alice"]));
    let store = |secret: u8, configuration: u8| {
        PasswordStore::new([secret; 32], Duration::from_secs(1)).told_under([configuration; 32])
    };
    (one.store, two.store) = (store(7, 1), store(8, 1));
    let mut ask = |vm: &mut Vm, password: &str, client: &str, now: MonoTime| {
        let attempt = attempt("alice", password, client);
        let tried = (attempt, Standing::New);
        let claims = verify(
            &mut vm.store,
            &vm.users,
            tried,
            &mut turn(&mut process, now),
        );
        claims.map(|_| ()).map_err(|stop| match stop {
            Stop::BadPassword => "wrong",
            Stop::Throttled { .. } => "throttled",
            _ => "other",
        })
    };
    let now = one.now;
    assert_eq!(ask(&mut one, "right", "192.0.2.1", now), Ok(()));
    // Guesses from alice's own address, at the other worker.
    let guesses: Vec<_> = (0..5)
        .map(|number| ask(&mut two, &format!("guess-{number}"), "192.0.2.1", now))
        .collect();
    assert_eq!(guesses[3..], [Err("throttled"), Err("throttled")]);
    assert_eq!(ask(&mut two, "right", "192.0.2.1", now), Ok(()));
    assert_eq!(ask(&mut two, "other", "192.0.2.1", now), Err("throttled"));
    // From elsewhere, and once it is long ago, it is a guess like any other.
    let mut third = Vm::new(&["alice"]);
    third.store = store(9, 1);
    for number in 0..3 {
        for client in ["192.0.2.1", "198.51.100.7"] {
            assert!(ask(&mut third, &format!("guess-{number}"), client, now).is_err());
        }
    }
    assert_eq!(
        ask(&mut third, "right", "198.51.100.7", now),
        Err("throttled")
    );
    let later = now.plus(Duration::from_secs(299));
    for number in 0..3 {
        assert!(ask(&mut third, &format!("more-{number}"), "192.0.2.1", later,).is_err());
    }
    assert_eq!(ask(&mut third, "right", "192.0.2.1", later), Ok(()));
    let mut fourth = Vm::new(&["alice"]);
    fourth.store = store(10, 1);
    let long_after = later.plus(Duration::from_secs(301));
    for number in 0..3 {
        assert!(
            ask(
                &mut fourth,
                &format!("guess-{number}"),
                "192.0.2.1",
                long_after,
            )
            .is_err()
        );
    }
    assert_eq!(
        ask(&mut fourth, "right", "192.0.2.1", long_after),
        Err("throttled")
    );
    // What one configuration says is nothing to another, nor to one that only tries something out.
    for other in [
        store(11, 2),
        PasswordStore::new([12; 32], Duration::from_secs(1)),
    ] {
        let mut fifth = Vm::new(&["alice"]);
        fifth.store = other;
        for number in 0..3 {
            let guess = format!("guess-{number}");
            assert!(ask(&mut fifth, &guess, "192.0.2.1", later).is_err());
        }
        let right = ask(&mut fifth, "right", "192.0.2.1", later);
        assert_eq!(right, Err("throttled"));
    }
}
