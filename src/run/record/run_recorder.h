#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "infer/model_set.h"
#include "record/recording_writer.h"
#include "run/pipeline.h"
#include "run/record/guide_call.h"
#include "source/source_tap.h"

namespace lazarillo {

/// Version of the lines of a recording that are not those of events.jsonl (docs/recording.md).
inline constexpr int kRecordingFormat = 1;

/// Records a run: what comes out of its source, what its guide is given, and the lines of
/// events.jsonl. Writes in a thread of its own. Live, nobody waits for it: what finds no room is
/// left out, counted, and told once. In a replay the guide waits.
///
/// The source's threads call the SourceTap, the guide's thread the rest.
class RunRecorder final : public SourceTap, public GuideWitness {
 public:
  /// Told once, when something is left out or cannot be written any more.
  using Tell = std::function<void(const std::string& line)>;
  /// Throws Error(output). `on_failure`: called once when writing has failed.
  RunRecorder(const RunOptions& options, const ModelSet& models, Tell tell,
              std::function<void()> on_failure);
  ~RunRecorder() override;

  void coded(CodedPicture picture) override;
  void picture(const Frame& frame) override;
  void calibration(const std::string& json) override;
  void motion(std::uint32_t unit, std::span<const ImuSample> samples) override;

  /// The guide is about to be called; what it tells a witness and its line() belong to this call.
  void begin(const GuideCall& call);
  [[nodiscard]] std::int64_t now() override;
  [[nodiscard]] Tracks followed(Tracks own) override;
  [[nodiscard]] std::optional<CorridorView> along(
      const std::function<CorridorView()>& look) override;
  [[nodiscard]] LastSaid said(LastSaid own) override;
  /// A line of events.jsonl.
  void line(const std::string& line);
  void end();

  /// Writes what is left and ends the file. Call once, when nothing comes any more.
  void finish();
  /// After finish(): why it is not whole; empty when it is.
  [[nodiscard]] std::string fault() const;
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  struct Step {  ///< a call and the lines it led to
    std::optional<RecordedCall> call;
    std::vector<std::string> lines;
  };
  struct Plain {  ///< a line that no call led to
    std::string text;
  };
  using Entry = std::variant<Step, Plain, CodedPicture, Frame>;
  static bool is_picture(const Entry& entry);
  static std::size_t bytes_of(const Entry& entry);
  static std::string header(const RunOptions& options, const ModelSet& models);

  bool push(Entry entry);
  void lose(std::uint64_t& count, const std::string& what);
  void work();
  void write(Entry entry);
  void write(Step step);
  void write(CodedPicture picture);
  void note_time(const RecordedCall& call);

  const std::filesystem::path file_;
  const bool live_;
  const Tell tell_;
  std::function<void()> on_failure_;
  RecordingWriter writer_;

  // The guide's thread.
  std::optional<Step> step_;
  std::uint64_t next_call_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  std::size_t picture_bytes_ = 0;  ///< of entries_
  std::size_t other_bytes_ = 0;
  bool skip_to_whole_ = false;  ///< a coded picture was left out: so are those made from it
  bool closing_ = false;
  bool told_ = false;
  std::uint64_t lost_pictures_ = 0;
  std::uint64_t lost_calls_ = 0;

  // The recording thread.
  std::vector<CodedPicture> early_;        ///< live: before stream time 0 is known
  std::optional<std::int64_t> origin_ns_;  ///< the clock at stream time 0
  std::int64_t now_ns_ = 0;                ///< stream time of the newest call
  std::int64_t last_picture_ns_ = -1;
  std::thread thread_;
};

}  // namespace lazarillo
