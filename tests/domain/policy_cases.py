"""The table of policy cases: which policy, who asks for what, and what the answer must be."""

from __future__ import annotations

# Each rule in one line; what is left out is what every rule of this table has (see test_policy_cases.py).
RULES = """
read          | levels=read environments=production               | eligible=engineering approvals=1.data-owners maximum=PT8H reason=10
change        | levels=write,admin environments=production        | eligible=engineering approvals=1.data-owners,1.security maximum=PT4H
staging       | environments=staging                              | eligible=engineering approvals= maximum=P1D
anything      |                                                   | eligible=engineering,support approvals= maximum=P7D
payments      | databases=payments                                | eligible=payers approvals=2.security maximum=PT1H reason=20
shop-only     | databases=shop                                    | eligible=engineering approvals= maximum=PT2H
other-only    | databases=other                                   | eligible=engineering approvals=1.leads maximum=PT3H
no-payments   | databases=payments                                | deny
freeze        |                                                   | deny
freeze-prod   | environments=production                           | deny
no-admin      | levels=admin                                      | deny
one-target    | targets=shop-prod                                 | eligible=engineering approvals=1.leads maximum=PT6H
users         | kinds=database_user                               | eligible=engineering approvals= maximum=PT8H
projects      | kinds=project_role                                | eligible=engineering approvals=1.leads maximum=PT8H
no-grants     | kinds=role_grant                                  | deny
in-turn       |                                                   | eligible=engineering approvals=1.security,1.data-owners in_sequence maximum=PT8H
in-turn-back  |                                                   | eligible=engineering approvals=1.data-owners,1.leads in_sequence maximum=PT8H
two-owners    |                                                   | eligible=engineering approvals=2.data-owners maximum=PT8H
owners        |                                                   | eligible=engineering approvals=1.data-owners maximum=PT8H
ticketed      |                                                   | eligible=engineering approvals= maximum=PT8H ticket=OPS-[0-9]+
any-ticket    |                                                   | eligible=engineering approvals= maximum=PT8H ticket=[A-Z]+-[0-9]+
short-ask     |                                                   | eligible=engineering approvals= maximum=PT8H default=PT1H
shorter-ask   |                                                   | eligible=engineering approvals= maximum=PT8H default=PT30M
brief         |                                                   | eligible=engineering approvals= maximum=PT20M
long-run      |                                                   | eligible=engineering approvals= maximum=PT4H total=P1D
longer-run    |                                                   | eligible=engineering approvals= maximum=PT8H total=P2D
lapsing       |                                                   | eligible=engineering approvals=1.data-owners maximum=PT8H lapses=PT1H remind=PT5M
escalating    |                                                   | eligible=engineering approvals=1.data-owners maximum=PT8H escalate=PT1H.leads
escalating-2  |                                                   | eligible=engineering approvals=1.security maximum=PT8H escalate=PT2H.leads
escalating-3  |                                                   | eligible=engineering approvals=1.security maximum=PT8H escalate=PT2H.heads
falling-back  |                                                   | eligible=engineering approvals=1.data-owners maximum=PT8H fallback=leads
falling-too   |                                                   | eligible=engineering approvals=1.security maximum=PT8H fallback=leads
on-duty       |                                                   | eligible=engineering approvals=1.data-owners maximum=PT8H on_call=primary.read@shop.PT2H
on-duty-too   |                                                   | eligible=engineering approvals=1.security maximum=PT8H on_call=second.read@shop.PT1H
on-the-web    |                                                   | eligible=engineering approvals=1.data-owners maximum=PT8H step_up
certificates  |                                                   | eligible=engineering approvals= maximum=PT8H authentication=x509
both-ways     |                                                   | eligible=engineering approvals= maximum=PT8H authentication=scram,x509
everywhere    |                                                   | eligible=engineering approvals= maximum=PT8H unscoped
narrow        |                                                   | eligible=engineering approvals= maximum=PT8H ipv4=28
wide          |                                                   | eligible=engineering approvals= maximum=PT8H ipv4=8
"""

# Who asks is a group, or several with +. What is not said of an ask: read on shop-prod (production) for an hour.
DECISIONS = """
-- matching
read                     | engineering       |                                        | 1.data-owners max=PT8H reason=10
read                     | engineering       | staging                                | no: no matching rule
read                     | engineering       | write                                  | no: no matching rule
read                     | engineering       | admin                                  | no: no matching rule
read change              | engineering       | write                                  | 1.data-owners 1.security max=PT4H
read change              | engineering       | admin                                  | 1.data-owners 1.security
read change staging      | engineering       | staging                                | at once max=P1D
read change staging      | engineering       | staging admin                          | at once max=P1D
read change staging      | engineering       | development                            | no: no matching rule
one-target               | engineering       |                                        | 1.leads max=PT6H
one-target               | engineering       | target=crm-prod                        | no: no matching rule
one-target               | engineering       | write                                  | 1.leads
anything                 | engineering       | admin development target=new           | at once max=P7D
anything                 | support           | delegating                             | no: no delegating access
freeze                   | engineering       | delegating                             | no: freeze, no delegating access
read                     | engineering       | delegating                             | no: no delegating access, no matching rule
users                    | engineering       |                                        | at once
users                    | engineering       | kind=role_grant                        | no: no matching rule
users                    | engineering       | kind=project_role                      | no: no matching rule
users projects           | engineering       | kind=project_role                      | 1.leads
users projects           | engineering       | kind=database_user                     | at once
anything no-grants       | engineering       | kind=role_grant                        | no: no-grants
anything no-grants       | engineering       | kind=database_user                     | at once
-- databases
shop-only                | engineering       | on=shop                                | at once max=PT2H
shop-only                | engineering       | on=other                               | no: no matching rule
shop-only                | engineering       | on=shop,other                          | no: no matching rule
shop-only                | engineering       | on=*                                   | no: no matching rule
shop-only                | engineering       | on=                                    | no: no matching rule
shop-only other-only     | engineering       | on=shop,other                          | 1.leads max=PT2H
shop-only other-only     | engineering       | on=other                               | 1.leads max=PT3H
shop-only other-only     | engineering       | on=*                                   | no: no matching rule
anything shop-only       | engineering       | on=*                                   | at once max=PT2H
anything shop-only       | engineering       | on=other                               | at once max=P7D
anything no-payments     | engineering       | on=shop                                | at once
anything no-payments     | engineering       | on=payments                            | no: no-payments
anything no-payments     | engineering       | on=shop,payments                       | no: no-payments
anything no-payments     | engineering       | on=*                                   | no: no-payments
read payments            | engineering       | on=payments reason=30                  | no: payments
read payments            | engineering+payers | on=payments reason=30                 | 1.data-owners 2.security max=PT1H reason=20
read payments            | engineering+payers | on=shop,payments reason=30            | 1.data-owners 2.security max=PT1H
read payments            | engineering       | on=shop                                | 1.data-owners max=PT8H reason=10
-- who may ask
read                     | support           |                                        | no: read
read                     |                   |                                        | no: read
read                     | engineering+support |                                      | 1.data-owners
read anything            | support           |                                        | no: read
read anything            | engineering       |                                        | 1.data-owners
anything                 | data-owners       |                                        | no: anything
staging                  | security          | staging                                | no: staging
-- combining
read owners              | engineering       |                                        | 1.data-owners max=PT8H
owners two-owners        | engineering       |                                        | 2.data-owners
read one-target          | engineering       |                                        | 1.data-owners 1.leads max=PT6H reason=10
change two-owners        | engineering       | write                                  | 2.data-owners 1.security max=PT4H
anything brief           | engineering       | for=PT20M                              | at once max=PT20M
anything brief           | engineering       | for=PT21M                              | no: brief
read anything            | engineering       | for=PT8H                               | 1.data-owners max=PT8H
read anything            | engineering       | for=PT8H1S                             | no: read
read brief               | engineering       | for=P1D                                | no: brief, read
anything staging         | support           | staging                                | no: staging
-- denying
read freeze              | engineering       |                                        | no: freeze
freeze                   | engineering       |                                        | no: freeze
read freeze-prod         | engineering       |                                        | no: freeze-prod
staging freeze-prod      | engineering       | staging                                | at once
anything no-admin        | engineering       | write                                  | at once
anything no-admin        | engineering       | admin                                  | no: no-admin
freeze freeze-prod       | engineering       |                                        | no: freeze, freeze-prod
read freeze              | support           |                                        | no: freeze, read
-- steps in sequence
in-turn                  | engineering       |                                        | 1.security 1.data-owners in-sequence
owners in-turn           | engineering       |                                        | 1.security 1.data-owners in-sequence
in-turn in-turn-back     | engineering       |                                        | 1.security 1.data-owners 1.leads in-sequence
change in-turn-back      | engineering       | write                                  | 1.data-owners 1.security 1.leads in-sequence
owners one-target        | engineering       |                                        | 1.data-owners 1.leads at-the-same-time
-- reasons and tickets
read                     | engineering       | reason=9                               | no: read
read                     | engineering       | reason=10                              | 1.data-owners
read                     | engineering       | reason=?                               | 1.data-owners
read payments            | engineering+payers | on=payments reason=19                 | no: payments
ticketed                 | engineering       | ticket=OPS-17                          | at once
ticketed                 | engineering       | ticket=OPS-                            | no: ticketed
ticketed                 | engineering       | ticket=                                | no: ticketed
ticketed                 | engineering       | ticket=DEV-1                           | no: ticketed
ticketed                 | engineering       | ticket=?                               | at once
any-ticket               | engineering       | ticket=DEV-1                           | at once
any-ticket ticketed      | engineering       | ticket=DEV-1                           | no: ticketed
any-ticket ticketed      | engineering       | ticket=OPS-1                           | at once
any-ticket ticketed      | engineering       | ticket=1                               | no: any-ticket, ticketed
anything                 | engineering       | ticket=                                | at once
-- lengths
short-ask                | engineering       |                                        | at once max=PT8H default=PT1H
short-ask shorter-ask    | engineering       |                                        | at once default=PT30M
short-ask brief          | engineering       | for=PT20M                              | at once max=PT20M default=PT20M
short-ask                | engineering       | for=PT8H                               | at once
anything                 | engineering       |                                        | at once default=none
long-run                 | engineering       |                                        | at once max=PT4H total=P1D
long-run longer-run      | engineering       |                                        | at once max=PT4H total=P1D
longer-run anything      | engineering       |                                        | at once max=PT8H total=P2D
long-run brief           | engineering       | for=PT20M                              | at once max=PT20M total=PT20M
anything                 | engineering       |                                        | at once max=P7D total=P7D
long-run                 | engineering       | for=PT5H                               | no: long-run
-- waiting
lapsing                  | engineering       |                                        | 1.data-owners lapses=PT1H remind=PT5M
owners lapsing           | engineering       |                                        | 1.data-owners lapses=PT1H remind=PT5M
owners                   | engineering       |                                        | 1.data-owners lapses=PT8H remind=PT15M
escalating               | engineering       |                                        | 1.data-owners escalate=PT1H.leads
escalating escalating-2  | engineering       |                                        | 1.data-owners 1.security escalate=PT2H.leads
escalating escalating-3  | engineering       |                                        | 1.data-owners 1.security escalate=none
escalating owners        | engineering       |                                        | 1.data-owners escalate=none
escalating anything      | engineering       |                                        | 1.data-owners escalate=PT1H.leads
falling-back             | engineering       |                                        | 1.data-owners fallback=leads
falling-back falling-too | engineering       |                                        | 1.data-owners 1.security fallback=leads
falling-back owners      | engineering       |                                        | 1.data-owners fallback=none
falling-back anything    | engineering       |                                        | 1.data-owners fallback=leads
on-the-web owners        | engineering       |                                        | 1.data-owners step-up
owners                   | engineering       |                                        | 1.data-owners no-step-up
-- on call
on-duty                  | engineering       | roles=read@shop                        | 1.data-owners
on-duty                  | engineering       | roles=read@shop duty=primary           | at once
on-duty                  | engineering       | roles=read@shop duty=second            | 1.data-owners
on-duty                  | engineering       | roles=readWrite@shop duty=primary      | 1.data-owners
on-duty                  | engineering       | roles=read@shop,read@other duty=primary | 1.data-owners
on-duty                  | engineering       | roles=read@shop.orders duty=primary    | 1.data-owners
on-duty                  | engineering       | duty=primary                           | 1.data-owners
on-duty                  | engineering       | roles=read@shop duty=primary for=PT2H  | at once
on-duty                  | engineering       | roles=read@shop duty=primary for=PT3H  | 1.data-owners
on-duty                  | support           | roles=read@shop duty=primary           | no: on-duty
on-duty freeze           | engineering       | roles=read@shop duty=primary           | no: freeze
on-duty owners           | engineering       | roles=read@shop duty=primary           | 1.data-owners
on-duty anything         | engineering       | roles=read@shop duty=primary           | at once
on-duty on-duty-too      | engineering       | roles=read@shop duty=primary           | 1.data-owners 1.security
on-duty on-duty-too      | engineering       | roles=read@shop duty=primary,second    | at once
on-duty on-duty-too      | engineering       | roles=read@shop duty=primary,second for=PT2H | 1.data-owners 1.security
-- how it is used
anything                 | engineering       | with=scram                             | at once
anything                 | engineering       | with=ldap                              | no: anything
certificates             | engineering       | with=x509                              | at once
certificates             | engineering       | with=scram                             | no: certificates
certificates both-ways   | engineering       | with=scram                             | no: certificates
certificates both-ways   | engineering       | with=x509                              | at once
certificates anything    | engineering       | with=x509                              | no: anything
anything                 | engineering       | all-clusters                           | no: anything
everywhere               | engineering       | all-clusters                           | at once
everywhere anything      | engineering       | all-clusters                           | no: anything
narrow                   | engineering       | from=192.0.2.0/28                      | at once
narrow                   | engineering       | from=192.0.2.0/27                      | no: narrow
narrow                   | engineering       | from=                                  | no: narrow
narrow wide              | engineering       | from=192.0.2.0/27                      | no: narrow
anything                 | engineering       | from=10.0.0.0/16                       | at once
anything                 | engineering       | from=10.0.0.0/15                       | no: anything
wide                     | engineering       | from=10.0.0.0/8                        | at once
wide anything            | engineering       | from=10.0.0.0/8                        | no: anything
"""

# Who must approve; who said yes, each with their groups; whom that leaves to be asked.
PEOPLE = """
1.owners                 | bob:owners                                              |
1.owners                 |                                                         | 1.owners
1.owners                 | carol:security                                          | 1.owners
2.owners                 | bob:owners                                              | 1.owners
2.owners                 | bob:owners bob:owners                                   | 1.owners
2.owners                 | bob:owners grace:owners                                 |
2.owners                 | bob:owners grace:owners heidi:owners                    |
1.owners 1.security      | bob:owners                                              | 1.security
1.owners 1.security      | bob:owners,security                                     | 1.security
1.owners 1.security      | bob:owners,security carol:security                      |
1.owners 1.security      | bob:owners,security grace:owners                        |
1.owners 1.security      | carol:security bob:owners,security                      |
1.owners 1.security      | carol:security dave:security                            | 1.owners
2.owners 1.security      | bob:owners,security grace:owners                        | 1.security
2.owners 1.security      | bob:owners,security grace:owners,security heidi:owners  |
1.a 1.b 1.c              | x:a,b y:b,c z:a,c                                       |
1.a 1.b 1.c              | x:a,b,c y:a,b,c                                         | 1.c
                         |                                                         |
"""

# The maximum and the total of a rule, how long an access is already, and by how much its end may move at once.
EXTENSIONS = """
PT4H | none | PT1H  | PT3H
PT4H | none | PT4H  | none
PT4H | PT8H | PT4H  | PT4H
PT4H | PT8H | PT6H  | PT2H
PT4H | PT8H | PT8H  | none
PT4H | P1D  | PT1H  | PT4H
PT4H | P1D  | PT23H | PT1H
PT1H | PT2H | PT90M | PT30M
"""
