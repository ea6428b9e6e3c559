# cmake -DEXPECTED=FILE -P RunExample.cmake -- PROGRAM [ARGUMENT…]
# Runs the program. It must end well and print what stands in the file.
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(DEFINED command)
    list(APPEND command "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(command "")
  endif()
endforeach()

execute_process(
  COMMAND ${command} OUTPUT_VARIABLE printed RESULT_VARIABLE code
  COMMAND_ECHO STDOUT)
file(READ "${EXPECTED}" expected)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "It ended with ${code}, after printing:\n${printed}")
endif()
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "It printed:\n${printed}\nand not:\n${expected}")
endif()
