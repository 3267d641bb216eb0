"""What do you need to do? A tree of questions over what one may ask for. It ends with the smallest ask that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from accessrequests.domain import project_roles
from accessrequests.domain.privileges import Level
from accessrequests.domain.window import format_duration, parse_duration, spell_duration
from accessrequests.domain.wizard_answers import (
    ACTION,
    ADMINISTER,
    CHANGE,
    COLLECTION,
    DATA,
    DATABASE,
    DATABASE_USER,
    ME,
    PROJECT,
    PROJECT_ROLE,
    READ,
    ROLE_GRANT,
    SERVICE,
    USUAL_LEVELS,
    Given,
    Offered,
    State,
    burden,
    fitting,
    level_of,
    levels_of_admin,
    places_on,
    role_of,
    standing_on,
    why_nowhere,
)

_NO_SERVICE = "The catalogue declares no login as of a service of yours. An administrator adds it."

# Why an ask is the smallest, and what it does not let one do, by what is done and how much of it.
TOLD: Mapping[str, str] = {
    f"{READ}-{COLLECTION}": (
        "This is the least that shows what is in a collection: it changes nothing, and opens no other collection."
    ),
    f"{READ}-{DATABASE}": (
        "This is the least that shows all collections of a database: it changes nothing, and opens no other database."
    ),
    f"{CHANGE}-{COLLECTION}": (
        "This is the least that inserts, changes and removes documents of a collection: it opens no other collection, "
        "and gives nobody else access."
    ),
    f"{CHANGE}-{DATABASE}": (
        "This is the least that changes documents in all collections of a database: it opens no other database, and "
        "gives nobody else access."
    ),
    f"{ACTION}-{COLLECTION}": (
        "This is the least there is: one action on one collection, and nothing else, not even there."
    ),
    f"{ACTION}-{DATABASE}": "This is one action on one database, and nothing else: it opens no other database.",
    f"{ADMINISTER}-{COLLECTION}": (
        "This is the least of that role: it works on one collection and on no other, and gives nobody access."
    ),
    f"{ADMINISTER}-{DATABASE}": (
        "This is that one role and nothing beside it: it works nowhere but where it says, and gives nobody access."
    ),
    PROJECT: (
        "This is one role of one project, the least that one can have in Atlas: it opens no database to a driver, and "
        "gives nobody access."
    ),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer. With a `refusal` it is not one, and that says why."""

    value: str
    title: str
    hint: str = ""
    level: Level | None = None
    environment: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A question with its answers, and what was answered before."""

    key: str
    question: str
    choices: Sequence[Choice]
    hint: str = ""
    given: Sequence[Given] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """The smallest ask that fits. `told` is the key of what is said of it."""

    target: str
    kind: str
    role: str
    duration: str
    told: str
    authentication: str = ""
    clusters: tuple[str, ...] = ()
    database_user: str = ""
    given: Sequence[Given] = ()


_Question = Callable[[State], Step | None]


def next_step(answers: Mapping[str, str], offered: Sequence[Offered], lengths: Sequence[str]) -> Step | Proposal:
    """The first question without an answer that leads on, or where all of them lead. A lone answer goes without saying."""
    state = State(offered, lengths)
    for question in _QUESTIONS:
        step = question(state)
        if step is None:
            continue
        is_lone = len(step.choices) == 1
        wanted = step.choices[0].value if is_lone else answers.get(step.key, "")
        chosen = next((one for one in step.choices if one.value == wanted and not one.refusal), None)
        if chosen is None:
            return replace(step, given=state.given)
        given = Given(step.key, step.question, chosen.value, chosen.title, was_chosen=not is_lone)
        state = replace(state, given=(*state.given, given))
    return _proposal(state)


def _proposal(state: State) -> Proposal:
    here, role = state.here, role_of(state)
    standing = here.standing(state.kind, level_of(state))
    is_user = state.kind == DATABASE_USER
    reach = COLLECTION if state["reach"] == COLLECTION or "." in state["place"] else DATABASE
    return Proposal(
        target=here.target,
        kind=state.kind,
        role=role,
        duration=state["length"],
        told=PROJECT if state.kind == PROJECT_ROLE else f"{state['do']}-{reach}",
        authentication=next(iter(standing.methods), "") if is_user else "",
        clusters=(state["cluster"],) if state["cluster"] else (),
        database_user=state["login"],
        given=state.given,
    )


# -- The questions, in order. None: it need not be asked here. ------------------------------------


def _plane(state: State) -> Step:
    choices = [
        Choice(DATA, "Read or change data", "With a driver, a shell or Compass: documents, indexes, statistics.")
    ]
    if any(PROJECT_ROLE in one.kinds for one in state.offered):
        hint = "In the pages of Atlas: clusters, backups, search, metrics, the Data Explorer."
        choices.append(Choice(PROJECT, "Manage an Atlas project", hint, refusal=why_nowhere(state.but(plane=PROJECT))))
    return Step("plane", "What do you need to do?", choices)


def _who(state: State) -> Step | None:
    if state["plane"] == PROJECT:
        return None
    refusal = "" if any(one.kind_for(SERVICE) for one in state.offered) else _NO_SERVICE
    return Step(
        "who",
        "Who does it?",
        [
            Choice(ME, "I do, myself", "With a login for you alone, which ends by itself."),
            Choice(SERVICE, "A service of mine", "More for the login that it has, for a while.", refusal=refusal),
        ],
    )


def _do(state: State) -> Step | None:
    if state["plane"] == PROJECT:
        return None
    titles = {
        READ: ("Look at documents", "Find and aggregate, and change nothing."),
        CHANGE: ("Change documents", "Insert, change and remove them."),
        ACTION: ("One single action", "Make an index, add documents, see sizes: that, and nothing else."),
        ADMINISTER: ("Administer", "Options, indexes, statistics and operations, of a database or of the server."),
    }
    return Step(
        "do",
        "What has to be done?",
        [
            Choice(do, *said, level=USUAL_LEVELS[do] if do != ACTION else None, refusal=why_nowhere(*_ways(state, do)))
            for do, said in titles.items()
            if do != ACTION or any(one.actions for one in state.offered)
        ],
    )


def _ways(state: State, do: str) -> list[State]:
    if do == ADMINISTER:
        return [state.but(do=do)]
    return [state.but(do=do, reach=reach) for reach in (COLLECTION, DATABASE)]


def _reach(state: State) -> Step | None:
    if not state["do"] or state["do"] == ADMINISTER:
        return None
    titles = {
        COLLECTION: ("One collection", "The rest of its database stays shut."),
        DATABASE: ("A whole database", "All collections that it has, and will have."),
    }
    return Step(
        "reach",
        "How much of it?",
        [Choice(one, *said, refusal=why_nowhere(state.but(reach=one))) for one, said in titles.items()],
    )


def _action(state: State) -> Step | None:
    if state["do"] != ACTION:
        return None
    known: dict[str, str] = {}
    for offered in fitting(state):
        known |= offered.actions.get(state["reach"], {})
    choices = [Choice(one, f"{said[:1].upper()}{said[1:]}", one) for one, said in known.items()]
    return Step(
        "action", "Which action?", [replace(one, refusal=why_nowhere(state.but(action=one.value))) for one in choices]
    )


def _target(state: State) -> Step:
    found = [(one, standing_on(one, state)) for one in fitting(state)]
    found.sort(key=lambda pair: (*burden(pair[1]), pair[0].target))
    return Step(
        "target",
        "Where?",
        [
            Choice(
                one.target,
                one.target,
                one.name if standing.refusal else f"{one.name}. Takes: {standing.cost}.",
                environment=one.environment,
                refusal=standing.refusal,
            )
            for one, standing in found
        ],
        "What takes the fewest people comes first.",
    )


def _login(state: State) -> Step | None:
    if state.kind != ROLE_GRANT:
        return None
    logins = state.here.services if state["who"] == SERVICE else dict.fromkeys(state.here.own, "yours")
    choices = [
        Choice(name, name, f"Of the service {of}." if of != "yours" else "Yours.") for name, of in logins.items()
    ]
    return Step("login", "For which login?", choices)


def _role(state: State) -> Step | None:
    if state["plane"] == PROJECT:
        ordered = sorted(state.here.project_roles or (), key=lambda name: (project_roles.level_of([name]).rank, name))
        levels = {name: project_roles.level_of([name]) for name in ordered}
        hints = {name: project_roles.what_these_let_you_do([name])[0] for name in ordered}
    elif state["do"] == ADMINISTER:
        levels = {one.name: Level.ADMIN for one in state.here.admin_roles or ()}
        hints = {one.name: f"Reaches {one.reach}." for one in state.here.admin_roles or ()}
    else:
        return None
    hint = "What needs the least trust comes first." if state["plane"] == PROJECT else "The narrowest comes first."
    choices = [Choice(one, one, hints[one], level, refusal=_said(state, level)) for one, level in levels.items()]
    return Step("role", "Which role?", choices, hint)


def _place(state: State) -> Step | None:
    if state["plane"] == PROJECT:
        return None
    places = levels_of_admin(state) if state["do"] == ADMINISTER else places_on(state.here, state)
    one_collection = any("." in place for place in places)
    choices = [
        Choice(
            place,
            place if "." in place or not one_collection else f"All of {place}",
            level=level,
            refusal=_said(state, level),
        )
        for place, level in places.items()
    ]
    return Step("place", "Which collection?" if one_collection else "Which database?", choices)


def _said(state: State, level: Level) -> str:
    """Why the policy refuses that much on the chosen target; empty where it does not."""
    return state.here.standing(state.kind, level).refusal


def _cluster(state: State) -> Step | None:
    if state["plane"] == PROJECT or not state.here.clusters:
        return None
    choices = [Choice(name, name) for name in state.here.clusters]
    return Step("cluster", "On which cluster?", choices, "One is the least. More can be ticked on the form.")


def _length(state: State) -> Step:
    maximum = state.here.standing(state.kind, level_of(state)).maximum
    fitting = [one for one in state.lengths if maximum is None or parse_duration(one) <= maximum]
    lengths = fitting or [format_duration(maximum or parse_duration(state.lengths[0]))]
    choices = [Choice(one, spell_duration(parse_duration(one)).capitalize()) for one in lengths]
    return Step("length", "For how long?", choices, "Take the shortest that will do: it can be given back early.")


_QUESTIONS: Sequence[_Question] = (
    *(_plane, _who, _do, _reach, _action, _target, _login, _role, _place, _cluster, _length),
)
KEYS: Sequence[str] = (
    *("plane", "who", "do", "reach", "action", "target", "login", "role", "place", "cluster", "length"),
)
