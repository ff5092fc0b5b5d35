#include "simulate/picture.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "simulate/truth.h"

namespace lazarillo::simulate {
namespace {

constexpr double kPixels = 24;  ///< a metre
constexpr double kMargin_m = 2;

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '<') {
      result += "&lt;";
    } else if (c == '&') {
      result += "&amp;";
    } else {
      result += c;
    }
  }
  return result;
}

const char* colour_of(Priority priority) {
  return priority == Priority::critical  ? "#c62828"
         : priority == Priority::warning ? "#e08a00"
                                         : "#3a6ea5";
}

const char* fill_of(const Actor& actor) {
  if (actor.shape == Shape::pit || actor.shape == Shape::stairs_down) return "#a9b7c6";
  if (actor.shape == Shape::stairs_up) return "#c9b79c";
  return actor.label.empty() ? "#77736b" : "#8cb08f";
}

}  // namespace

std::string picture_of(const World& world, const Outcome& outcome) {
  const Walk walk(world);
  const double end_s = outcome.record.end_s;
  double x1 = 1e9, x2 = -1e9, y1 = 1e9, y2 = -1e9;
  for (const double t : moments(end_s, 0.2)) {
    const Point at = walk.at(t).at;
    x1 = std::min(x1, at.x - 6);
    x2 = std::max(x2, at.x + 6);
    y1 = std::min(y1, at.y - kMargin_m);
    y2 = std::max(y2, at.y + 6);
  }
  const auto px = [&](double x) { return (x - x1) * kPixels; };
  const auto py = [&](double y) { return (y2 - y) * kPixels; };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<title>{}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#f7f5f0\"/>\n",
      px(x2) + 300, py(y1), escaped(world.title));
  for (std::size_t i = 0; i < world.actors.size(); ++i) {
    const Actor& actor = world.actors[i];
    const auto outline = [&](double t, const char* style) {
      const Point at = place(actor, t);
      return fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
          "transform=\"rotate({:.1f} {:.1f} {:.1f})\" fill=\"{}\" {}/>\n",
          px(at.x - actor.width / 2), py(at.y + actor.length / 2), actor.width * kPixels,
          actor.length * kPixels, actor.yaw_deg, px(at.x), py(at.y), fill_of(actor), style);
    };
    svg += outline(end_s, actor.bottom > 0.3 ? "fill-opacity=\"0.4\" stroke=\"#333\"" : "");
    if (actor.moves.empty()) continue;
    svg += outline(0, "fill-opacity=\"0.25\"");
    svg += "<polyline fill=\"none\" stroke=\"#8cb08f\" stroke-dasharray=\"3 3\" points=\"";
    for (const double t : moments(end_s, 0.5)) {
      svg += fmt::format("{:.1f},{:.1f} ", px(place(actor, t).x), py(place(actor, t).y));
    }
    svg += "\"/>\n";
  }
  svg += "<polyline fill=\"none\" stroke=\"#222\" stroke-width=\"2\" points=\"";
  for (const double t : moments(end_s, 0.1)) {
    svg += fmt::format("{:.1f},{:.1f} ", px(walk.at(t).at.x), py(walk.at(t).at.y));
  }
  svg += "\"/>\n";
  for (const double t : moments(end_s, 1)) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2\" fill=\"#222\"/>\n",
                       px(walk.at(t).at.x), py(walk.at(t).at.y));
  }
  for (const Said& said : outcome.record.said) {
    const double x = px(said.eye.at.x), y = py(said.eye.at.y);
    const char* colour = colour_of(said.cue.priority);
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"{}\">{:.1f} s: {}{}</text>\n",
        x, y, colour, px(x2) + 6, y + 4, colour, said.decided_s, escaped(said.sentence),
        said.begun_s < 0 ? " (not said)" : "");
  }
  if (const auto contact = first_contact(world, walk)) {
    const Point at = walk.at(contact->at_s).at;
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"none\" stroke=\"#c62828\" "
        "stroke-width=\"3\"/>\n",
        px(at.x), py(at.y), kBodyRadius_m * kPixels);
  }
  return svg + "</svg>\n";
}

}  // namespace lazarillo::simulate
