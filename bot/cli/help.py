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
  {"status", "subject", "message"}
status is ok, warning or problem."""

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
