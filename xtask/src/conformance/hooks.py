"""Rules for valid requests that a schema cannot express.

Schemathesis makes requests from the schemas in the document and expects the server to accept the valid ones. Some rules
concern two values, or a value and the state of the server, and JSON Schema cannot express them. These hooks change requests
that are meant to be valid so that they keep such rules. Requests that are meant to be refused are sent as they are. No
operation is left out of the run.
"""

import json
import os
import urllib.request

import schemathesis

ADDRESS, TOKEN = os.environ["GAMETRIGGERS_OVERLAY"].rsplit("/", 1)


class Screen:
    """The streamer's screen: its present token, and a receipt that the server signed for it."""

    def __init__(self, token):
        self.token = token
        with urllib.request.urlopen(f"{ADDRESS}/{token}/data", timeout=10) as answer:
            self.receipt = json.load(answer)["receipt"]


screens = [Screen(TOKEN)]


@schemathesis.hook
def after_call(context, case, response):
    # From now on, the server no longer knows the token that the configuration names.
    if case.operation.path == "/api/v1/users/me/overlay/regenerate" and response.status_code == 201:
        screens.append(Screen(response.json()["overlayToken"]))


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path_parameters and case.path_parameters.get("token") == TOKEN:
        case.path_parameters["token"] = screens[-1].token
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    path = case.operation.path
    if "/overlay/{token}/" in path or path.startswith("/api/v1/campaigns/"):
        keep_event_rules(case)
    elif path == "/api/v1/users/me/overlay/test":
        keep_test_ad_rules(case.body.get("testCampaign"))
    elif path == "/api/v1/users/me/campaign-selection":
        keep_selection_rules(case.body)


def keep_event_rules(case):
    # Only a receipt that the server signed is valid.
    if isinstance(case.body.get("receipt"), str):
        case.body["receipt"] = screens[-1].receipt
    # The id of an event can be sent under two names. The two values must not contradict each other.
    if isinstance(case.body.get("eventId"), str) and case.headers:
        case.headers.pop("Idempotency-Key", None)


def keep_test_ad_rules(ad):
    if not isinstance(ad, dict):
        return
    # A URL must have a host, and a video has no default URL.
    if isinstance(ad.get("mediaUrl"), str) or ad.get("mediaType") == "video":
        ad["mediaUrl"] = "https://media.example.com/a.mp4"


def keep_selection_rules(settings):
    rotation = settings.get("campaignRotationSettings")
    if isinstance(settings.get("timezone"), str):
        settings["timezone"] = "Asia/Kolkata"
    if not isinstance(rotation, dict):
        return
    # A time zone must be in the IANA database, and two names of one setting must have the same value.
    if isinstance(rotation.get("timezone"), str):
        rotation["timezone"] = "Asia/Kolkata"
    if isinstance(settings.get("campaignSelectionStrategy"), str) and "preferredStrategy" in rotation:
        rotation["preferredStrategy"] = settings["campaignSelectionStrategy"]
    # The weights, including the stored ones, must not all be zero.
    weights = rotation.get("priorityWeights")
    if isinstance(weights, dict) and weights and not any(weights.values()):
        weights["fairness"] = 0.5
    # A period must not end at the time when it starts.
    for period in rotation.get("blackoutPeriods") or []:
        if period["startTime"] == period["endTime"]:
            period["endTime"] = "24:00"
