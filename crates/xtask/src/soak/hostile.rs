//! Who must not pass: forgers, thieves, the expired, the revoked, and those who may do other things.

use super::callers::{Call, basic, claims};
use super::policy::{ES, RS};
use super::proof::{bound, proven};
use super::random::Random;
use super::schedule::Target;
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lab::client::Request;
use lab::issuer::{SigningKey, unix_now};
use serde_json::json;
use std::time::Duration;

/// How long after it was withdrawn or revoked something serves no more.
const FORGOTTEN: Duration = Duration::from_secs(12);

/// Until when anybody uses a key that was withdrawn: each time the issuer is asked for it, and asked out of turn.
const SOUGHT: Duration = Duration::from_secs(90);

/// A request that must be refused whatever is disturbed; none where there is nothing of the kind that was chosen yet.
pub(super) fn call(world: &World, random: &mut Random) -> Option<Call> {
    let user = format!("mallory-{}", random.below(500));
    Some(match random.below(15) {
        0 => Call::refused("anonymous", Request::get("/es/x")),
        1 => forged(world, &user),
        2 => unsigned(&user),
        3 => {
            let token = world
                .issuers
                .rs
                .imposter()
                .sign(json!({}), &claims(RS, &user));
            Call::refused("forged rs", Request::get("/rs/x").bearer(&token))
        }
        4 => expired(world, &user),
        5 => {
            let (key, _) = world.issuers.es.key();
            let token = key.sign(json!({}), &claims(ES, &user));
            Call::refused("no admin", Request::get("/admin/x").bearer(&token))
        }
        6 => {
            let (key, _) = world.issuers.es.key();
            let token = key.sign(json!({}), &claims(ES, &user));
            let path = format!("/users/{user}x/orders");
            Call::refused("another's path", Request::get(path).bearer(&token))
        }
        7 => {
            let request = Request::get("/opaque/x").bearer(&format!("no.{user}.1"));
            Call::refused("unknown opaque", request)
        }
        8 => revoked(world, random)?,
        9 => Call::refused(
            "wrong key",
            Request::get("/key/x").header("x-api-key", &user),
        ),
        10 => Call::refused("wrong password", basic("/password/x", "u-1", &user)),
        11 => not_permitted(world, random),
        12 => stolen(world, &user, random.next()),
        13 => withdrawn(world, &user)?,
        _ => {
            let (key, _) = world.issuers.es.key();
            let token = key.sign(json!({}), &claims(ES, &user));
            Call::refused("closed", Request::get("/never").bearer(&token))
        }
    })
}

fn forged(world: &World, user: &str) -> Call {
    let token = world
        .issuers
        .es
        .imposter()
        .sign(json!({}), &claims(ES, user));
    Call::refused("forged es", Request::get("/es/x").bearer(&token))
}

fn unsigned(user: &str) -> Call {
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let payload = URL_SAFE_NO_PAD.encode(claims(ES, user).to_string());
    let request = Request::get("/es/x").bearer(&format!("{header}.{payload}."));
    Call::refused("unsigned", request)
}

/// Longer ago than any wall clock is wrong.
fn expired(world: &World, user: &str) -> Call {
    let mut claims = claims(ES, user);
    claims["exp"] = json!(unix_now() - 2 * 3600);
    let (key, _) = world.issuers.es.key();
    let token = key.sign(json!({}), &claims);
    Call::refused("expired", Request::get("/es/x").bearer(&token))
}

/// Somebody whom the directory or the decision point does not let.
fn not_permitted(world: &World, random: &mut Random) -> Call {
    let user = format!("nobody-{}", random.below(500));
    if random.one_in(2) {
        let token = world.issuers.rs.key().0.sign(json!({}), &claims(RS, &user));
        return Call::refused("decision says no", Request::get("/decide/x").bearer(&token));
    }
    let issuer = &world.issuers.ed;
    let token = issuer
        .key()
        .0
        .sign(json!({}), &claims(&issuer.url(), &user));
    Call::refused("no permission", Request::get("/reports/x").bearer(&token))
}

/// A bound token without its key, or with a proof of another.
fn stolen(world: &World, user: &str, serial: u64) -> Call {
    let own = SigningKey::es256_seeded("", 251);
    let token = bound(&world.issuers.es.key().0, &own, user);
    if serial.is_multiple_of(2) {
        return Call::refused("stolen token", Request::get("/es/x").bearer(&token));
    }
    let thief = SigningKey::es256_seeded("", 252);
    Call::refused("proof of another", proven("/es/x", &token, &thief, serial))
}

/// A token that was signed well, with a key that its issuer serves no more.
fn withdrawn(world: &World, user: &str) -> Option<Call> {
    let (key, at) = world.issuers.es.withdrawn()?;
    // While an issuer cannot be asked, the keys that it had serve on.
    if !(FORGOTTEN..SOUGHT).contains(&at.elapsed())
        || !world.is_calm_since(&[Target::Es], FORGOTTEN)
    {
        return None;
    }
    world.will_seek_a_withdrawn_key();
    let token = key.sign(json!({}), &claims(ES, user));
    Some(Call::refused(
        "withdrawn key",
        Request::get("/es/x").bearer(&token),
    ))
}

fn revoked(world: &World, random: &mut Random) -> Option<Call> {
    let revoked = world.revoked.lock().unwrap();
    let gone = revoked.iter().filter(|(_, at)| at.elapsed() > FORGOTTEN);
    let gone: Vec<_> = gone.collect();
    let (token, _) = gone.get(random.below(gone.len() as u64) as usize)?;
    Some(Call::refused(
        "revoked",
        Request::get("/opaque/x").bearer(token),
    ))
}
