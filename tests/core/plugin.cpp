// A library that test_code_address.cpp loads and unloads. FARM_PLUGIN_ANSWER makes two of the same layout.

extern "C" int plugin_answer();
extern "C" int plugin_answer() { return FARM_PLUGIN_ANSWER; }
