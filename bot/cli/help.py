"""What ``--json`` prints, for ``--help``. Apart from the code that prints it, which takes time to load."""

JSON_HELP = """\b
With --json, one object a line for each picture, in the order in which they were asked for:
  {"files": [{"path", "kind"}], "texts": [], "template", "seed", "values", "seconds", "cached"}
and for one that failed:
  {"template", "seed", "values", "error", "message"}
kind is image, animated, video, audio, text, 3d or other; values is all that the template was given;
seconds is the server's own time (null if it did not say); cached: the server had painted it before;
error is a stable word like server_unreachable or out_of_memory, message a sentence for people."""

CHECK_JSON_HELP = """\b
With --json, one object a line for each row of the table:
  {"status", "group", "subject", "message"}
status is ok, warning or problem; group is settings, servers, templates, platforms, pages, bot or
machine."""

LIST_JSON_HELP = """\b
With --json, one object a line for each template:
  {"name", "enabled", "title", "description", "command", "parameters", "presets", "styles",
   "outputs", "notes"}
with parameters as [{"name", "kind", "default", "allowed", "bind"}]; a disabled one is
  {"name", "enabled", "problems"}"""

INSPECT_JSON_HELP = """\b
With --json, one object a line for each file:
  {"file", "format", "roles", "parameters", "outputs", "problems", "notes"}
format is api, ui or unknown; roles lists "node.input" addresses by role; parameters are
  [{"name", "kind", "default", "min", "max", "choices", "bind"}]"""

QUEUE_JSON_HELP = """\b
With --json, one object:
  {"running", "paused", "draining", "waiting", "users", "servers", "jobs", "notices"}
running says whether a bot answered; servers are
  [{"name", "url", "state", "since", "reason", "model", "running", "staged", "foreign"}]
with state up, down, starting or wedged; the first 50 jobs that wait, running and staged are
  {"id", "user", "template", "state", "waited_seconds", "eta_seconds", "place", "why", "fraction"}
and notices [{"at", "text"}]. Times are UTC milliseconds."""

USAGE_JSON_HELP = """\b
With --json, one object a line for each row:
  {"user" or "template" or "day", "jobs", "done", "failed", "cancelled", "gpu_seconds",
   "swap_seconds", "waited_seconds"}
--csv gives the same columns. gpu_seconds were charged; swap_seconds were spent on loading models
and charged to nobody; waited_seconds is the mean wait of the jobs that began."""

QUOTA_JSON_HELP = """\b
With --json, one object:
  {"user", "name", "identities", "known", "tier", "own_limits", "window", "resets_at",
   "gpu_seconds": {"limit", "left", "settled", "reserved", "granted", "carried"},
   "jobs": {"limit", "left", "used"}, "blocked_until", "blocked_reason", "notes"}
A limit of null is unlimited. Times are UTC milliseconds."""
