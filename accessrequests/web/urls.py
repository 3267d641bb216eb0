"""Every address of the portal."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from accessrequests.web import access, account, accounts, approvals, ask, provider, requests, second_factor, tokens

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="access"), name="home"),
    path("accounts/login/", accounts.SignIn.as_view(), name="account_login"),
    path("accounts/logout/", accounts.SignOut.as_view(), name="account_logout"),
    path("accounts/reauthenticate/", login_required(accounts.Confirm.as_view()), name="account_reauthenticate"),
    path("accounts/signup/", accounts.signup_closed, name="account_signup"),
    path("accounts/code/", second_factor.AskCode.as_view(), name="mfa_authenticate"),
    path("accounts/code/confirm/", second_factor.ConfirmCode.as_view(), name="mfa_reauthenticate"),
    path("accounts/provider/", provider.start, name="provider-start"),
    path("accounts/provider/callback/", provider.callback, name="provider-callback"),
    path("accounts/<path:rest>", accounts.closed, name="account_closed"),
    path("account/", account.account, name="account"),
    path("account/sessions/end/", account.end_sessions, name="sessions-end"),
    path("account/second-factor/", second_factor.AddApp.as_view(), name="mfa_activate_totp"),
    path("account/second-factor/remove/", second_factor.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("account/recovery-codes/", second_factor.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("account/recovery-codes/new/", second_factor.MakeRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("request/", ask.ask, name="ask"),
    path("requests/<int:number>/", requests.detail, name="request"),
    path("requests/<int:number>/cancel/", requests.cancel, name="request-cancel"),
    path("requests/<int:number>/comments/", requests.comment, name="request-comment"),
    path("approvals/", approvals.inbox, name="approvals"),
    path("approvals/<int:number>/", requests.detail, name="approval"),
    path("approvals/<int:number>/approve/", approvals.approve, name="approve"),
    path("approvals/<int:number>/deny/", approvals.deny, name="deny"),
    path("access/", access.mine, name="access"),
    path("access/<int:number>/", access.detail, name="grant"),
    path("access/<int:number>/reveal/", access.reveal, name="reveal"),
    path("access/<int:number>/rotate/", access.rotate, name="rotate"),
    path("access/<int:number>/release/", access.release, name="release"),
    path("access/<int:number>/revoke/", access.revoke, name="revoke"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:number>/revoke/", tokens.revoke, name="token-revoke"),
]
