#include "guide/cue.h"

namespace lazarillo {

const char* to_string(Priority priority) {
  switch (priority) {
    case Priority::critical:
      return "critical";
    case Priority::warning:
      return "warning";
    case Priority::info:
      return "info";
  }
  return "";
}

const char* to_string(Side side) {
  switch (side) {
    case Side::left:
      return "left";
    case Side::ahead:
      return "ahead";
    case Side::right:
      return "right";
  }
  return "";
}

const char* to_string(CueKind kind) {
  switch (kind) {
    case CueKind::object:
      return "object";
    case CueKind::approaching:
      return "approaching";
    case CueKind::vision_lost:
      return "vision_lost";
    case CueKind::vision_back:
      return "vision_back";
    case CueKind::too_dark:
      return "too_dark";
    case CueKind::view_blocked:
      return "view_blocked";
    case CueKind::too_bright:
      return "too_bright";
    case CueKind::view_blurred:
      return "view_blurred";
    case CueKind::vision_slow:
      return "vision_slow";
    case CueKind::obstacle:
      return "obstacle";
    case CueKind::head_level:
      return "head_level";
    case CueKind::drop:
      return "drop";
    case CueKind::stairs_down:
      return "stairs_down";
    case CueKind::stairs_up:
      return "stairs_up";
    case CueKind::path_clear:
      return "path_clear";
    case CueKind::around:
      return "around";
    case CueKind::repeated:
      return "repeated";
    case CueKind::nothing_to_repeat:
      return "nothing_to_repeat";
    case CueKind::muted:
      return "muted";
    case CueKind::unmuted:
      return "unmuted";
    case CueKind::pace_critical_only:
      return "pace_critical_only";
    case CueKind::pace_calm:
      return "pace_calm";
    case CueKind::pace_normal:
      return "pace_normal";
    case CueKind::pace_dense:
      return "pace_dense";
  }
  return "";
}

}  // namespace lazarillo
